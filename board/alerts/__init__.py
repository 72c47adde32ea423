"""Alerts: rules, what they make of figures, and how it is told. Nothing here asks Redis or the network by itself."""
