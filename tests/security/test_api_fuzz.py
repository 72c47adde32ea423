"""The API against its own description: random requests get an answer that is described, and never a broken one.

A few examples an operation in CI; more by hand: BOARD_FUZZ_EXAMPLES=500 pytest tests/security/test_api_fuzz.py
"""

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from board.web.api.operations import OPERATIONS
from tests.web.site import Site

EXAMPLES = int(os.environ.get("BOARD_FUZZ_EXAMPLES", "5"))

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_random_requests_are_answered_as_described(site: Site, name: str) -> None:
    for job_id in ("1a", "2b"):
        site.jobs.failed(job_id)
    token = site.service.tokens.make("fuzz", "admin", only_reads=False, days=1, made_by="test")
    headers = {"Authorization": f"Bearer {token}"}
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", site.app, headers=headers)
    found = schema.include(operation_id=name)

    for each in found.get_all_operations():
        operation: Any = each.ok()  # type: ignore[union-attr] # a description that is wrong fails here

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy())
        def ask(case: Any) -> None:
            answer = case.call(headers=headers)
            assert answer.status_code < 500 or answer.status_code == 503, answer.text
            case.validate_response(answer, checks=CHECKS)

        ask()
