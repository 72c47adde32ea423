"""Believable data and busy demo workers: what ``board dev`` and ``board seed`` show."""
