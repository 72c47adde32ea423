"""Who may do what: users, sign-in, sessions and roles.

Nothing here knows Flask: ``board.web.login`` adapts it. Users and sessions live in Redis under the board's own prefix,
so that every process of a board agrees and a sign-out counts everywhere at once.
"""
