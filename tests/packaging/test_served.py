"""What was installed serves its pages: the sign-in page, its styles and htmx, from `/` and not from a checkout."""

from pathlib import Path
from typing import Any

import pytest

from tests.packaging.installed import Environment, run

pytestmark = pytest.mark.slow

ASK = """
import json
import re
from board import create_app

client = create_app().test_client()
login = client.get("/login")
page = login.get_data(as_text=True)
links = sorted(set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page)))
answers = {link: client.get(link) for link in [*links, "/static/vendor/htmx.min.js"]}
print(json.dumps({
    "status": login.status_code,
    "page": page,
    "files": {link: [answer.status_code, len(answer.get_data())] for link, answer in answers.items()},
    "import": __import__("board").__file__,
}))
"""


@pytest.fixture(params=["from_wheel", "editable"])
def installed(request: pytest.FixtureRequest) -> Environment:
    environment: Environment = request.getfixturevalue(request.param)
    return environment


@pytest.fixture
def served(installed: Environment, redis_url: str) -> dict[str, Any]:
    answer: dict[str, Any] = installed.ask(ASK, REDIS_URL=redis_url)
    return answer


def test_the_sign_in_page_is_served_with_everything_it_links_to(served: dict[str, Any]) -> None:
    files = served["files"]

    assert served["status"] == 200
    assert '<form method="post"' in served["page"]
    assert [link for link, (status, size) in files.items() if status != 200 or size == 0] == []
    assert any(link.endswith(".css") or ".css?" in link for link in files)
    assert "/static/vendor/htmx.min.js" in files


def test_the_command_is_installed(installed: Environment) -> None:
    assert installed.bin("board").is_file()
    assert installed.ask("import json, board.cli; print(json.dumps(callable(board.cli.main)))")


def test_only_runtime_dependencies_are_needed(installed: Environment) -> None:
    """A module that only the tests bring must not be imported by the program."""
    script = "import json, importlib.util as u; print(json.dumps([n for n in NAMES if u.find_spec(n)]))"
    extra = installed.ask(script.replace("NAMES", "('pytest', 'playwright', 'yaml')"))

    assert extra == []
    assert Path(installed.ask("import json, board.web; print(json.dumps(board.web.__file__))")).is_file()


COMPILED = """
import json
from board import create_app
from board.config import Settings
from board.web import templating

compiled = []

class Watched(templating.Environment):
    def compile(self, source, name=None, *more, **named):
        compiled.append(name)
        return super().compile(source, name, *more, **named)

templating.Environment = Watched
environment = create_app(Settings("redis://localhost")).jinja_env
templating.load_all(environment)
print(json.dumps({"loaded": len(environment.cache), "compiled": compiled}))
"""


def test_an_installation_has_its_templates_compiled_beforehand(from_wheel: Environment) -> None:
    run(from_wheel.bin("python"), "-m", "board.web.precompile", cwd=Path("/"))

    found = from_wheel.ask(COMPILED)

    assert found["compiled"] == []
    assert found["loaded"] > 50
