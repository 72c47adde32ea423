"""The worker's mind, without I/O: when to fetch, wait, renew and stop, and what becomes of a job.

The fronts (``sync``, ``aio``) own sockets, threads, tasks and signals; they report events and carry out actions.
"""
