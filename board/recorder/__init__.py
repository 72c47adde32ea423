"""Keeps what Redis forgets: how much was done, how long it took, what failed and why.

One process of all follows the events of every queue shown and writes figures (``board.history``) in steps, each of them
one atomic script that also stores how far the events were read. So a step is counted once or not at all, whoever is
killed when, and a process that was held up cannot write after its successor. What is lost is what a queue's stream let
go before it was read: some ten thousand events a queue while no recorder runs; that is kept as a gap, and told.
"""
