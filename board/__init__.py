"""Queue Board: a dashboard for BullMQ-compatible job queues, and the engine it ships with."""

__version__ = "0.1.0"
__all__ = ["__version__"]
