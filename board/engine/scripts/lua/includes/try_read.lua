-- try_read: a command whose failure costs only its own answer: false and the server's words, where a key holds another type.
local function try_read(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then
    return false, reply.err
  end
  return reply
end
