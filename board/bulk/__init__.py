"""Bulk runs: one action on more jobs than one request may touch.

A run is planned first (``planning``): what it would touch is counted, and the set is frozen by its filter and an upper
bound in time; the jobs of a group of failures are named one by one (``grouping``). Then it is stored (``runs``) and
carried out in bounded steps (``runner``) by one process of all that have the duty, so it goes on when the person
leaves, when the process is killed and when Redis restarts.

At most once a job: before acting on some jobs a run notes them together with the score each was seen with, and the
engine's scripts act only on a job that still has it. A killed process leaves its note behind; whoever goes on sends the
same commands again, and those that took effect already do nothing. Stopping takes effect before the next such note.
"""

from board.bulk.acting import VERBS
from board.bulk.grouping import GroupWish, plan_group
from board.bulk.planning import Plan, go_on, plan, start, stop
from board.bulk.runner import Runner
from board.bulk.runs import Result, Run, Runs, Source, Spec

__all__ = [
    "VERBS",
    "GroupWish",
    "Plan",
    "Result",
    "Run",
    "Runner",
    "Runs",
    "Source",
    "Spec",
    "go_on",
    "plan",
    "plan_group",
    "start",
    "stop",
]
