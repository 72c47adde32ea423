"""Finding jobs: a small language, what it means, and reading jobs step by step until enough of them match.

``parse`` turns what a person typed into a ``Filter``, ``matches`` decides about one job, ``in_words`` says what a
filter asks for, ``search`` reads. docs/how-to/search.md is the language's reference.
"""

from board.queries.search.matching import matches
from board.queries.search.parsing import parse
from board.queries.search.scanning import Searched, search
from board.queries.search.subject import Subject, fields_of, subject_of
from board.queries.search.tree import NOTHING, Filter, FilterError, Term
from board.queries.search.wording import in_words, term_text

__all__ = [
    "NOTHING",
    "Filter",
    "FilterError",
    "Searched",
    "Subject",
    "Term",
    "fields_of",
    "in_words",
    "matches",
    "parse",
    "search",
    "subject_of",
    "term_text",
]
