"""Watching the queues for alerts, and telling of them: what the elected process does again and again."""
