// The Node side of the interop tests: the real BullMQ, told over stdin what to do.
//
//   node driver.mjs 5|6 redis://127.0.0.1:6379/0
//
// One line of JSON a request: {"id": 1, "command": "call", …}; one line of JSON an answer: {"id": 1, "value": …} or
// {"id": 1, "error": {"name", "message"}}. Answers come in the order the work ends, not in the order of the requests.
// What workers and QueueEvents see is kept here until asked for, so that stdout carries answers only.
// tests/interop/node.py is the other end and lists the commands with their types.

import { createInterface } from "node:readline";

const [release, address] = process.argv.slice(2);
const bullmq = await import(`bullmq${release}`).then((module) => module.default ?? module);

const target = new URL(address);
const connection = () => ({
  ...(target.protocol === "unix:"
    ? { path: decodeURIComponent(target.pathname) }
    : { host: target.hostname, port: Number(target.port || 6379) }),
  username: decodeURIComponent(target.username) || undefined,
  password: decodeURIComponent(target.password) || undefined,
  db: target.protocol === "unix:" ? 0 : Number(target.pathname.slice(1) || 0),
  maxRetriesPerRequest: null,
});

const queues = new Map(); // "prefix queue" → Queue
const listeners = new Map(); // the same → QueueEvents of waitUntilFinished
const workers = new Map(); // key → {worker, events, holds}
const recorders = new Map(); // key → {queueEvents, events}
let flows = null;
let errors = [];
let tracing = null; // {telemetry, exporter} while a test wants it
let tracer = null; // the same, kept: OpenTelemetry is set up once a process

const note = (where) => (error) => errors.push(`${where}: ${error?.stack ?? error}`);
process.on("unhandledRejection", note("unhandledRejection"));
process.on("uncaughtException", note("uncaughtException"));

function once(map, key, make) {
  if (!map.has(key)) map.set(key, make());
  return map.get(key);
}

function queueOf({ queue, prefix }) {
  return once(queues, `${prefix} ${queue}`, () => {
    const one = new bullmq.Queue(queue, { connection: connection(), prefix, telemetry: tracing?.telemetry });
    one.on("error", note(`queue ${queue}`));
    return one;
  });
}

async function jobOf(request) {
  const job = await queueOf(request).getJob(request.job);
  if (!job) throw new Error(`no job ${request.job} in ${request.queue}`);
  return job;
}

// Turn what BullMQ returns into plain JSON: jobs by their own toJSON, absent fields stay absent.
function plain(value) {
  if (value === undefined || value === null) return null;
  if (value instanceof bullmq.Job) return plain({ ...value.toJSON(), delay: value.delay, priority: value.priority });
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Date || typeof value !== "object") return value;
  const present = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(present.map(([key, item]) => [key, plain(item)]));
}

const AsyncFunction = (async () => {}).constructor;

// What a worker does with a job: one of the named behaviours, or the body of an async function in a string.
function processorOf(behaviour, holds) {
  const failures = new Map();
  const kinds = {
    complete: async () => behaviour.value,
    echo: async (job) => job.data,
    slow: async () => {
      await new Promise((resolve) => setTimeout(resolve, behaviour.ms));
      return behaviour.value;
    },
    fail: async (job) => {
      const before = failures.get(job.id) ?? 0;
      if (behaviour.times !== null && before >= behaviour.times) return behaviour.value;
      failures.set(job.id, before + 1);
      throw behaviour.unrecoverable
        ? new bullmq.UnrecoverableError(behaviour.message)
        : new Error(behaviour.message);
    },
    hold: (job) => new Promise((resolve, reject) => holds.set(job.id, { resolve, reject })),
  };
  if (behaviour.kind === "code") {
    const run = new AsyncFunction("job", "token", "bullmq", behaviour.code);
    return (job, token) => run(job, token, bullmq);
  }
  if (!kinds[behaviour.kind]) throw new Error(`unknown behaviour ${behaviour.kind}`);
  return kinds[behaviour.kind];
}

const commands = {
  version: async () => ({ bullmq: release, node: process.version, pid: process.pid }),

  call: async (request) => queueOf(request)[request.method](...request.arguments),

  callJob: async (request) => (await jobOf(request))[request.method](...request.arguments),

  callFlow: async (request) => {
    flows ??= new bullmq.FlowProducer({ connection: connection(), prefix: request.prefix });
    return flows[request.method](...request.arguments);
  },

  startWorker: async ({ key, queue, prefix, behaviour, options }) => {
    const events = [];
    const holds = new Map();
    const record = (kind, job, detail) =>
      events.push({ kind, job: typeof job === "string" ? job : (job?.id ?? null), detail: plain(detail), at: Date.now() });
    const worker = new bullmq.Worker(queue, processorOf(behaviour, holds), { connection: connection(), prefix, telemetry: tracing?.telemetry, ...options });
    worker.on("active", (job, previous) => record("active", job, previous));
    worker.on("completed", (job, value) => record("completed", job, value));
    worker.on("failed", (job, error) => record("failed", job, error.message));
    worker.on("stalled", (job) => record("stalled", job, null));
    worker.on("progress", (job, progress) => record("progress", job, progress));
    worker.on("drained", () => record("drained", null, null));
    worker.on("error", (error) => record("error", null, String(error?.message ?? error)));
    workers.set(key, { worker, events, holds });
    await worker.waitUntilReady();
  },
  workerEvents: async ({ key }) => workers.get(key).events,
  callWorker: async ({ key, method, arguments: given }) => workers.get(key).worker[method](...given),
  release: async ({ key, job, value, error }) => {
    const held = workers.get(key).holds.get(job);
    if (!held) throw new Error(`job ${job} is not held`);
    workers.get(key).holds.delete(job);
    if (error === null) held.resolve(value);
    else held.reject(new Error(error));
  },

  startEvents: async ({ key, queue, prefix, after }) => {
    const events = [];
    const queueEvents = new bullmq.QueueEvents(queue, { connection: connection(), prefix, lastEventId: after });
    queueEvents.on("error", note(`events of ${queue}`));
    const emit = queueEvents.emit.bind(queueEvents);
    queueEvents.emit = (kind, ...given) => {
      // Each event comes twice, the second time as "completed:42"; one is enough.
      if (given.length === 2 && kind !== `${kind.split(":")[0]}:${given[0]?.jobId}`) events.push({ kind, fields: plain(given[0]), id: given[1] });
      return emit(kind, ...given);
    };
    recorders.set(key, { queueEvents, events });
    await queueEvents.waitUntilReady();
  },
  readEvents: async ({ key }) => recorders.get(key).events,

  waitUntilFinished: async (request) => {
    const listener = once(listeners, `${request.prefix} ${request.queue}`, () => {
      const one = new bullmq.QueueEvents(request.queue, { connection: connection(), prefix: request.prefix });
      one.on("error", note(`events of ${request.queue}`));
      return one;
    });
    await listener.waitUntilReady();
    const job = await jobOf(request);
    // A new listener's first read begins a little later: an end in between goes unheard, so look again now and then.
    for (let left = request.ms; ; left -= 1000) {
      try {
        return await job.waitUntilFinished(listener, Math.min(left, 1000));
      } catch (error) {
        if (left <= 1000 || !error.message.includes("timed out before finishing")) throw error;
      }
    }
  },

  // From now on until the reset, queues and workers are traced by bullmq-otel; `spans` tells what it saw.
  trace: async () => {
    if (!tracer) {
      const names = ["api", "sdk-trace-base", "context-async-hooks", "core"].map((name) => `@opentelemetry/${name}`);
      const [api, sdk, hooks, core, { BullMQOtel }] = await Promise.all([...names, "bullmq-otel"].map((name) => import(name)));
      const exporter = new sdk.InMemorySpanExporter();
      const provider = new sdk.BasicTracerProvider({ spanProcessors: [new sdk.SimpleSpanProcessor(exporter)] });
      api.trace.setGlobalTracerProvider(provider);
      api.context.setGlobalContextManager(new hooks.AsyncLocalStorageContextManager().enable());
      api.propagation.setGlobalPropagator(new core.W3CTraceContextPropagator());
      tracer = { telemetry: new BullMQOtel("interop"), exporter };
    }
    tracing = tracer;
    tracing.exporter.reset();
  },
  spans: async () =>
    tracing.exporter.getFinishedSpans().map((span) => ({
      name: span.name,
      trace: span.spanContext().traceId,
      id: span.spanContext().spanId,
      parent: span.parentSpanContext?.spanId ?? span.parentSpanId ?? null,
      attributes: span.attributes,
    })),

  // Run a sequence of operations on a frozen clock, one after the other; answers what each gave. See differential.py.
  play: async ({ steps, start, prefix }) => {
    const realNow = Date.now;
    let now = start;
    Date.now = () => now;
    const opened = new Map();
    const pulled = new Map();
    const held = [];
    const { default: Redis } = await import("ioredis");
    const client = new Redis(connection());
    const queue = (name) => once(opened, name, () => new bullmq.Queue(name, { connection: connection(), prefix }));
    const worker = (name) => once(pulled, name, () => new bullmq.Worker(name, null, { connection: connection(), prefix, autorun: false, lockDuration: 600000, stalledInterval: 600000, maxStalledCount: 1 }));
    const producer = new bullmq.FlowProducer({ connection: connection(), prefix });
    const job = async (step) => {
      const found = await queue(step.queue).getJob(step.id);
      if (!found) throw new Error("gone");
      return found;
    };
    const take = (index) => held.splice(index % held.length, 1)[0];
    const boom = (kind, message) => {
      const error = kind === "Error" ? new Error(message) : new bullmq.UnrecoverableError(message);
      error.stack = `${kind}: ${message}\n    at process (app.js:1:1)`;
      return error;
    };
    const play = {
      tick: async ({ ms }) => void (now += ms),
      add: async (step) => (await queue(step.queue).add(step.name, step.data, step.opts)).id,
      addFlow: async ({ flow }) => void (await producer.add(flow)),
      take: async (step) => {
        const one = await worker(step.queue).getNextJob(step.token, { block: false });
        if (one) held.push({ job: one, token: step.token });
        return one?.id ?? null;
      },
      complete: async ({ index, value }) => {
        const { job: one, token } = take(index);
        await one.moveToCompleted(value, token, false);
      },
      fail: async ({ index, message, kind }) => {
        const { job: one, token } = take(index);
        await one.moveToFailed(boom(kind, message), token, false);
      },
      delayActive: async ({ index, ms }) => {
        const { job: one, token } = take(index);
        await one.moveToDelayed(now + ms, token);
      },
      returnActive: async ({ index }) => {
        const { job: one, token } = take(index);
        await one.moveToWait(token);
      },
      waitForChildren: async ({ index }) => {
        const { job: one, token } = held[index % held.length];
        const moved = await one.moveToWaitingChildren(token);
        if (moved) take(index);
        return moved;
      },
      loseWorkers: async (step) => {
        for (const { job: one } of held.filter((item) => item.job.queueName === step.queue)) await client.del(`${prefix}:${step.queue}:${one.id}:lock`);
        for (let i = held.length - 1; i >= 0; i--) if (held[i].job.queueName === step.queue) held.splice(i, 1);
      },
      checkStalled: async (step) => {
        await client.del(`${prefix}:${step.queue}:stalled-check`);
        await worker(step.queue).moveStalledJobsToWait();
      },
      promote: async (step) => (await job(step)).promote(),
      retry: async (step) => (await job(step)).retry(step.state),
      remove: async (step) => (await job(step)).remove(),
      changeDelay: async (step) => (await job(step)).changeDelay(step.ms),
      changePriority: async (step) => (await job(step)).changePriority({ priority: step.priority, lifo: step.lifo }),
      updateData: async (step) => (await job(step)).updateData(step.data),
      updateProgress: async (step) => (await job(step)).updateProgress(step.progress),
      log: async (step) => void (await (await job(step)).log(step.line)),
      pause: async (step) => queue(step.queue).pause(),
      resume: async (step) => queue(step.queue).resume(),
      drain: async (step) => queue(step.queue).drain(step.delayed),
      clean: async (step) => (await queue(step.queue).clean(step.grace, step.limit, step.state)).length,
      retryJobs: async (step) => queue(step.queue).retryJobs({ state: step.state }),
      promoteJobs: async (step) => queue(step.queue).promoteJobs(),
      concurrency: async (step) => void (step.limit ? await queue(step.queue).setGlobalConcurrency(step.limit) : await queue(step.queue).removeGlobalConcurrency()),
      upsertScheduler: async (step) => void (await queue(step.queue).upsertJobScheduler(step.id, step.repeat, step.template)),
      removeScheduler: async (step) => void (await queue(step.queue).removeJobScheduler(step.id)),
    };
    const outcomes = [];
    try {
      for (const name of ["q1", "q2"]) await queue(name).waitUntilReady();
      for (const step of steps) {
        try {
          outcomes.push({ ok: plain((await play[step.op](step)) ?? null) });
        } catch (error) {
          outcomes.push({ error: String(error?.message ?? error) });
        }
      }
    } finally {
      Date.now = realNow;
      client.disconnect();
      await Promise.all([...opened.values(), producer].map((one) => one.close()));
      await Promise.all([...pulled.values()].map((one) => one.close(true)));
    }
    return outcomes;
  },

  // Close everything, so that the next test finds a process without connections; tells what went wrong meanwhile.
  reset: async () => {
    for (const { holds } of workers.values()) for (const held of holds.values()) held.reject(new Error("test ended"));
    await Promise.all([...workers.values()].map(({ worker }) => worker.close(true)));
    await Promise.all([...recorders.values()].map(({ queueEvents }) => queueEvents.close()));
    await Promise.all([...queues.values(), ...listeners.values(), flows].map((one) => one?.close()));
    for (const map of [workers, recorders, queues, listeners]) map.clear();
    flows = null;
    tracing = null;
    const seen = errors;
    errors = [];
    return seen;
  },
};

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

async function answer(line) {
  const request = JSON.parse(line);
  try {
    if (!commands[request.command]) throw new Error(`unknown command ${request.command}`);
    say({ id: request.id, value: plain(await commands[request.command](request)) });
  } catch (error) {
    say({ id: request.id, error: { name: error?.name ?? "Error", message: String(error?.message ?? error) } });
  }
}

createInterface({ input: process.stdin })
  .on("line", answer)
  .on("close", () => process.exit(0));
