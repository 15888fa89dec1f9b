"""Who logs in, and out."""

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.handlers import HTTPRouteHandler
from litestar.params import Body
from litestar.response import Redirect
from msgspec import Meta, Struct
from parkstream_service.refusals import Refusal

from parkstream_console.access.attempts import Attempts
from parkstream_console.access.people import PASSWORD_LENGTH_MAX
from parkstream_console.access.session import LoginRequiredError
from parkstream_console.pages.site import Asked, Site, address_of

NAME_LENGTH_MAX: Final = 64
SEE_OTHER: Final = 303


class Credentials(Struct):
    """What somebody types in."""

    name: Annotated[str, Meta(max_length=NAME_LENGTH_MAX)]
    password: Annotated[str, Meta(max_length=PASSWORD_LENGTH_MAX)]
    to: Annotated[str, Meta(max_length=2_000)] = "/"


Typed = Annotated[Credentials, Body(media_type=RequestEncodingType.URL_ENCODED)]


def login_routes(site: Site, attempts: Attempts, refused: Callable[[Refusal], None]) -> list[HTTPRouteHandler]:
    """Return the page to log in, and what takes its form; *refused* hears of each password that is wrong."""
    at_work = asyncio.Lock()

    @get("/login", include_in_schema=False)
    async def show_login(request: Asked, to: str = "/") -> Response[str]:
        """Show the form."""
        return site.page(request, "login.html", to=_local(to), problem="")

    @post("/login", include_in_schema=False)
    async def log_in(request: Request[Any, Any, Any], data: Typed) -> Response[Any]:
        """Begin a session, or say why not."""
        name, to = data.name.strip().lower(), _local(data.to)
        async with at_work:
            if pause := attempts.pause_seconds(name):
                refused(Refusal.WRONG_CREDENTIAL)
                problem = f"Too many wrong attempts. Try again in {pause} seconds."
                answer = site.page(request, "login.html", status=HTTPStatus.TOO_MANY_REQUESTS, to=to, problem=problem)
                answer.headers["retry-after"] = str(pause)
                return answer
            viewer = await asyncio.to_thread(site.access.log_in, name, data.password)
            if viewer is None:
                attempts.failed(name)
                refused(Refusal.WRONG_CREDENTIAL)
        if viewer is None:
            problem = "Nobody has this name and this password."
            return site.page(request, "login.html", status=HTTPStatus.UNAUTHORIZED, to=to, problem=problem)
        untyped: Any = request
        untyped.set_session({"name": viewer.name, "fingerprint": viewer.fingerprint, "since": int(time.time())})
        return Redirect(to, status_code=SEE_OTHER)

    @post("/logout", include_in_schema=False)
    async def log_out(request: Request[Any, Any, Any]) -> Redirect:
        """End the session."""
        request.clear_session()
        return Redirect("/login", status_code=SEE_OTHER)

    return [show_login, log_in, log_out]


def to_login(request: Asked, _: LoginRequiredError) -> Response[Any]:
    """Lead whoever has no session to the form, and from there back."""
    to = address_of(request) if request.method == "GET" else "/"
    if request.headers.get("hx-request"):
        return Response("", status_code=HTTPStatus.UNAUTHORIZED, headers={"hx-redirect": f"/login?to={quote(to)}"})
    return Redirect(f"/login?to={quote(to)}", status_code=SEE_OTHER)


def _local(to: str) -> str:
    """Return *to*, if it is a path of this site, else the first page."""
    return to if to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable() else "/"
