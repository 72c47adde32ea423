"""The programs for Django and FastAPI of docs/mounting.md, run to the letter in a project that is made for them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "mounting.md"

PROJECT = """
SECRET_KEY = "the host's own"
ROOT_URLCONF = "project"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def urlpatterns_of():
    from django.http import HttpResponse
    from django.urls import path

    return [path("", lambda request: HttpResponse("the host"))]


def __getattr__(name):
    if name == "urlpatterns":
        return urlpatterns_of()
    raise AttributeError(name)
"""

MOUNTED = """
from werkzeug.test import Client
from wsgi import application

client = Client(application)
print(client.get("/").text, client.get("/admin/queues/").headers["Location"])
"""

SIGNED_IN = """
import django

django.setup()
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from who import who

from board import create_app

call_command("migrate", verbosity=0)
board = create_app(identify=who)
people = {
    "root": {"is_staff": True, "is_superuser": True},
    "kim": {"is_staff": True},
    "guest": {},
    "gone": {"is_staff": True, "is_active": False},
}
for name, rights in people.items():
    user = get_user_model().objects.create(username=name, **rights)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session.create()
    told = who({"HTTP_COOKIE": f"sessionid={session.session_key}"})
    answer = board.test_client(use_cookies=False).get("/", headers={"Cookie": f"sessionid={session.session_key}"})
    print(name, told, answer.status_code)
print(who({}), who({"HTTP_COOKIE": "sessionid=made-up"}), board.test_client().get("/").status_code)
"""

SIGNED_IN_PRINTS = """\
root ('root', 'admin') 200
kim ('kim', 'operator') 200
guest None 403
gone None 403
None None 403
"""

CARRIED = """
import asyncio

from fast import app
from tests.web.test_hosts import ask


@app.get("/")
def index():
    return "the host"


async def visit():
    return [await ask(app, "/", ""), await ask(app, "/admin/queues/", ""), await ask(app, "/admin/queues/healthz", "")]


host, way_in, health = asyncio.run(visit())
print(host, way_in[0], "/admin/queues/login" in way_in[1], health)
"""


@pytest.mark.parametrize(
    ("files", "program", "printed"),
    [
        ({"wsgi.py": "get_wsgi_application"}, MOUNTED, "the host /admin/queues/login\n"),
        ({"who.py": "SessionStore"}, SIGNED_IN, SIGNED_IN_PRINTS),
        ({"fast.py": "FastAPI()"}, CARRIED, "(200, '\"the host\"') 303 True (200, 'ok\\n')\n"),
    ],
    ids=["mounted in Django", "signed in by Django", "carried by FastAPI"],
)
def test_a_program_of_the_page_runs_as_it_is_written(
    redis_url: str, tmp_path: Path, files: dict[str, str], program: str, printed: str
) -> None:
    (tmp_path / "project.py").write_text(PROJECT, encoding="utf-8")
    for name, holds in files.items():
        (written,) = [
            one.text for one in blocks(PAGE) if one.language == "python" and one.not_run and holds in one.text
        ]
        (tmp_path / name).write_text(written, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "REDIS_URL": redis_url,
            "BOARD_ADMIN_PASSWORD": "correct horse battery",
            "DJANGO_SETTINGS_MODULE": "project",
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert printed in done.stdout


def test_no_program_of_the_page_is_left_out() -> None:
    left_out = [one.text for one in blocks(PAGE) if one.language == "python" and one.not_run]

    assert len(left_out) == 3
