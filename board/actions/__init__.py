"""What a person can do to jobs and queues: allowed? then the engine, then the audit log.

Every write goes through ``board.actions.perform``; there is no second way. Nothing here knows Flask.
"""
