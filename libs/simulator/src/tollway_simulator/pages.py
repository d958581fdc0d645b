"""HTML where JSON was expected: a proxy's error page, or a sign-in page with status 200."""

from http import HTTPStatus

HEADERS = ((b"content-type", b"text/html; charset=utf-8"),)

_SIGN_IN = b"""<!DOCTYPE html>
<html><head><title>Sign in</title></head>
<body><h1>Sign in to continue</h1><form method="post"><input name="user"></form></body></html>
"""


def page(status: int) -> bytes:
    """The page that goes with a status."""
    if status < HTTPStatus.BAD_REQUEST:
        return _SIGN_IN
    title = f"{status} {_phrase(status)}"
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n"
        f"<body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n"
        "</body>\r\n</html>\r\n"
    ).encode()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
