"""The styles, all in one answer."""

from flask import Response, make_response, request

from board.web import styles
from board.web.views.blueprints import assets

__all__ = ["stylesheet"]


@assets.get("/styles.css")
def stylesheet() -> Response:
    """Send all styles. Asked for by their digest, as every page does, the answer may be kept for good."""
    response = make_response(styles.stylesheet())
    response.mimetype = "text/css"
    response.set_etag(styles.stylesheet_stamp())
    response.make_conditional(request)
    return response
