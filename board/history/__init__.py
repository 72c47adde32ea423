"""What the recorder keeps, how it is packed, and how it is read; ``board.recorder`` writes it, pages read it."""
