"""``board.wsgi:app``: the application for a WSGI server of one's own choice, configured by the environment."""

from board.web import create_app

__all__ = ["app"]

app = create_app(background=True)
