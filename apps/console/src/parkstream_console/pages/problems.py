"""Errors as pages that say what to do; whoever asks for data gets problems, as from every service."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from litestar import Response
from litestar.exceptions import HTTPException
from parkstream_eventlog import EventLogError
from parkstream_messaging.errors import MessagingError
from parkstream_projection.store import OtherRulesError
from parkstream_service.redis import is_transient
from parkstream_service.unreachable import UnreachableError

from parkstream_console.acts.work import ImpossibleError
from parkstream_console.live.shared_answer import LateError
from parkstream_console.pages.site import Asked, Site
from parkstream_console.search.stories import BusyError

Handler = Callable[[Asked, Any], Response[Any]]
RETRY_SECONDS: Final = "2"
IMPOSSIBLE: Final = (ImpossibleError, UnreachableError, MessagingError)
"""What keeps an act from being looked at, or done."""
ADVICE: Final = {
    HTTPStatus.BAD_REQUEST: "The address or the form has something in it that cannot be taken: ",
    HTTPStatus.FORBIDDEN: "That is not for you: ",
    HTTPStatus.NOT_FOUND: "There is no such page, or nothing is known of what it is about. ",
}


def page_handlers(site: Site, is_page: Callable[[str], bool], others: dict[Any, Any]) -> dict[Any, Handler]:
    """Return what answers errors: pages where *is_page*, elsewhere and for what is left as *others* do."""

    def failed(request: Asked, error: Exception) -> Response[Any]:
        if isinstance(error, HTTPException):
            others[HTTPException](request, error)  # Who is refused is counted, whatever the answer looks like.
        answer: Response[Any] | None = _page(site, request, error) if is_page(request.scope["path"]) else None
        if answer is not None:
            return answer
        kind = next(one for one in type(error).__mro__ if one in others)
        handled: Response[Any] = others[kind](request, error)
        return handled

    return dict.fromkeys([Exception, HTTPException, OtherRulesError], failed)


def _page(site: Site, request: Asked, error: Exception) -> Response[str] | None:
    """Return the page that shows *error*; None when nobody foresaw it."""
    if isinstance(error, HTTPException):
        status = HTTPStatus(error.status_code)
        detail = ADVICE.get(status, "") + error.detail
        answer = site.page(request, "problem.html", status=status, title=status.phrase, detail=detail, kind="failing")
        answer.headers.update(error.headers or {})
        return answer
    if isinstance(error, IMPOSSIBLE):
        status, title = HTTPStatus.CONFLICT, "That cannot be done now"
        return site.page(request, "problem.html", status=status, title=title, detail=str(error), kind="failing")
    if isinstance(error, OtherRulesError):
        return _later(site, request, f"Another version of the program is at work on the visits: {error}.")
    if isinstance(error, EventLogError | BusyError | LateError):
        return _later(site, request, f"{str(error)[:1].upper()}{str(error)[1:]}.")
    if is_transient(error):
        return _later(site, request, f"Redis does not answer ({type(error).__name__}), so nothing is known now.")
    return None


def _later(site: Site, request: Asked, detail: str) -> Response[str]:
    status = HTTPStatus.SERVICE_UNAVAILABLE
    context = {"title": "Not now", "detail": f"{detail} Load the page again in a moment.", "kind": "failing"}
    answer = site.page(request, "problem.html", status=status, **context)
    answer.headers["retry-after"] = RETRY_SECONDS
    return answer
