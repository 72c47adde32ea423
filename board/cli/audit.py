"""``board audit``: check and export the log of who did what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

import click

from board.audit import StoredEntry
from board.audit_check import check_log, is_anchor
from board.audit_export import csv_lines, ndjson_lines
from board.cli import opening
from board.service import Service

__all__ = ["audit"]


@click.group()
def audit() -> None:
    """Check and export the log of who did what."""


@audit.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--anchor", metavar="ID:DIGEST", default="", help="What an earlier check printed, and was kept elsewhere."
)
def verify(*, as_json: bool, anchor: str) -> int:
    """Read the whole log and name every entry that is not as it was written.

    Exit code 0 when all fit, 1 when one does not.
    """
    if anchor and not is_anchor(anchor):
        raise click.BadParameter("write it as it was printed: ID:DIGEST", param_hint="--anchor")
    with opening.service() as service:
        report = check_log(service.audit_connection, service.audit, anchor)
    if as_json:
        click.echo(json.dumps({"ok": not report.faults, **asdict(report)}))
    else:
        for fault in report.faults:
            click.echo(f"entry {fault.id}: {fault.what}")
        words = "all fit together" if not report.faults else f"{len(report.faults):,} do not fit"
        click.echo(f"{report.entries:,} entries, {words}")
        if report.anchor and not report.faults:
            click.echo(f"anchor {report.anchor}")
    return 1 if report.faults else 0


@audit.command()
@click.option("--format", "form", type=click.Choice(["ndjson", "csv"]), default="ndjson", show_default=True)
def export(*, form: str) -> None:
    """Print the whole log, oldest entry first."""
    with opening.service() as service:
        lines = csv_lines(_all(service)) if form == "csv" else ndjson_lines(_all(service))
        for line in lines:
            click.echo(line, nl=False)


def _all(service: Service) -> Iterator[StoredEntry]:
    after = None
    while entries := service.audit_connection.call(service.audit.read_on(after)):
        yield from entries
        after = entries[-1].id
