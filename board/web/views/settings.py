"""What a person may set for their own browser."""

from flask import Response, make_response, redirect, request, url_for

from board.web import connections, forms, security
from board.web.render import THEME_COOKIE
from board.web.views.blueprints import settings

__all__ = ["theme"]

YEAR = 365 * 24 * 3600


@settings.post("/settings/theme")
def theme() -> Response:
    """Keep the chosen theme in a cookie, so that the first byte of the next page has it."""
    chosen = forms.theme(request.form)
    target = security.inside(request.form.get("next"), request.script_root, url_for("overview.index"))
    response = make_response(redirect(target, 303))
    response.set_cookie(
        THEME_COOKIE,
        chosen,
        max_age=YEAR,
        path=connections.mount_point() + "/",
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    return response
