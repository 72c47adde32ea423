"""What can be asked of a queue: functions that return a call or a plan, a module a noun. Nothing here does I/O."""
