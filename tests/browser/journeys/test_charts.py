"""The charts tell their values: with arrow keys on a chart that has the focus, and under the mouse."""

import pytest
from playwright.sync_api import expect

from board.service import wall_clock_ms
from tests.browser.journeys.conftest import Person
from tests.queries.jobs import Filler
from tests.recorder.conftest import Process

pytestmark = pytest.mark.browser


def test_a_chart_tells_its_values_by_key_and_by_mouse(person: Person, mail: Filler) -> None:
    for number in range(3):
        mail.failed(f"job-{number}", wall_clock_ms())
    Process(person.board.site.service).catch_up()
    person.sign_in("/metrics")
    page = person.page
    chart = page.get_by_role("group", name="Finished and failed")
    told = page.locator(".charts section").first.locator("output")
    newest = page.locator("#chart-values tbody tr").first.locator("th, td")
    values = [text.strip() for text in newest.all_text_contents()]

    chart.focus()
    page.keyboard.press("ArrowRight")
    expect(told).to_have_text(f"{values[0]}: Finished a minute {values[1]}, Failed {values[2]}")
    page.keyboard.press("ArrowLeft")
    expect(told).not_to_contain_text(values[0])
    page.keyboard.press("End")
    expect(told).to_contain_text(values[0])
    page.keyboard.press("Escape")
    expect(told).to_be_empty()

    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 60)
    expect(told).to_contain_text(values[0])
    page.mouse.move(5, 5)
    expect(told).to_be_empty()
