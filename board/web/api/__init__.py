"""The JSON API: every read and action of the board for programs, under ``/api/v1``.

Thin views over the queries and actions of the pages, so permissions, audit and redaction are the same. Importing this
package puts every operation on its blueprint.
"""

from board.web.api import acting, alerting, bulk, causes, checking, reading
from board.web.api.operations import api

__all__ = ["acting", "alerting", "api", "bulk", "causes", "checking", "reading"]
