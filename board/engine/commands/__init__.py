"""What one can do with queues and jobs, as functions that return a ``Call`` or a ``Plan``, a module a noun."""
