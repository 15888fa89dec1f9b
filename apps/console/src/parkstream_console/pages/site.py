"""What all pages have: templates, who is looking, how times and plates are written, and the headers of every answer."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.template.base import csrf_token
from msgspec import Struct
from parkstream_events.sightings import moment_of
from parkstream_events.topology import WORK_QUEUES
from parkstream_events.wire import Refusal

from parkstream_console.access.session import Access, Viewer
from parkstream_console.pages.plates import HiddenIds, mask, masked, path_of
from parkstream_console.pages.times import COOKIE, Mode, Times, lasting, mode_of

Asked: TypeAlias = Request[Any, Any, Any]
WORDS: Final = {*Refusal, *WORK_QUEUES, "unknown", "expired", "maxlen", "rejected", "delivery_limit"}
"""Why a message was refused, by us or by RabbitMQ, and from where."""
DETAIL: Final = re.compile(r" \(|: ")
YEAR_SECONDS: Final = 365 * 86_400
ASSETS: Final = Path(__file__).parent.parent / "assets"
HEADERS: Final = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


class Tab(Struct, frozen=True):
    """A page that the navigation leads to."""

    path: str
    title: str


TABS: Final = (
    Tab("/", "Now"),
    Tab("/find", "Find"),
    Tab("/time", "Another time"),
    Tab("/todo", "To do"),
    Tab("/running", "Running"),
)


class Look(Struct, frozen=True):
    """How somebody looks at a page: it decides how what is there is written."""

    times: Times
    hides_plates: bool = False
    hidden: HiddenIds | None = None
    """How ids that hold a plate are linked to for who must not see it."""

    def plate(self, plate: str) -> str:
        """Return *plate* as this viewer may see it."""
        return mask(plate) if self.hides_plates else plate

    def about(self, text: str, plate: str) -> str:
        """Return *text*, an id or a sentence that may contain *plate*, as this viewer may see it."""
        return masked(text, plate) if self.hides_plates else text

    def about_several(self, text: str, plates: Iterable[str]) -> str:
        """Return *text*, which may contain any of *plates*, as this viewer may see it."""
        for plate in plates:
            text = self.about(text, plate)
        return text

    def known(self, word: str, others: str) -> str:
        """Return *word*, which somebody else has sent; *others* instead where it is none of ours: it may be a plate."""
        return word if word in WORDS or not self.hides_plates else others

    def deed(self, text: str) -> str:
        """Return *text*, which says what somebody does, without what it is done to: that may name a plate."""
        return DETAIL.split(text)[0] if self.hides_plates else text

    def visit_path(self, visit_id: str, plate: str) -> str:
        """Return where the story of a visit of *plate* is."""
        return self._path("visits", visit_id, plate)

    def plate_path(self, plate: str) -> str:
        """Return where the story of *plate* is."""
        return self._path("plates", plate, plate)

    def _path(self, room: str, id_: str, plate: str) -> str:
        reveals = self.hides_plates and masked(id_, plate) != id_
        return path_of(room, self.hidden.hide(id_) if self.hidden and reveals else id_)


class Site:
    """Renders templates for whoever asks."""

    def __init__(  # noqa: PLR0913 - each is a setting
        self,
        access: Access,
        *,
        mall: str,
        zone: ZoneInfo,
        masks_plates: bool,
        hidden: HiddenIds,
        secure_cookies: bool = False,
    ) -> None:
        self.access = access
        self.hidden = hidden
        self.secure_cookies = secure_cookies
        """Whether browsers send them over TLS only."""
        self._mall = mall
        self._zone = zone
        self._masks_plates = masks_plates
        self._templates: Any = Environment(
            loader=PackageLoader("parkstream_console"),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(asset=asset_url, tabs=TABS, mall=mall)
        self._templates.filters.update(
            moment=moment_of,
            stay=stay,
        )

    def look_of(self, request: Asked, viewer: Viewer | None) -> Look:
        """Return how *viewer* looks at the page that is asked for."""
        mode = mode_of(request.query_params.get(COOKIE), request.cookies.get(COOKIE))
        return self.look(mode, hides_plates=self.hides_plates(viewer))

    def look(self, mode: Mode, *, hides_plates: bool) -> Look:
        """Return a look with times as *mode* says, as of now."""
        return Look(Times(mode, self._zone, datetime.now(UTC)), hides_plates, self.hidden)

    def hides_plates(self, viewer: Viewer | None) -> bool:
        """Whether *viewer* sees masked plates."""
        return self._masks_plates and not (viewer is not None and viewer.may_operate)

    def fragment(self, template: str, look: Look, **context: Any) -> str:  # noqa: ANN401 - whatever a template needs
        """Return *template* as a part of a page."""
        return str(self._templates.get_template(template).render(look=look, **context))

    def page(
        self,
        request: Asked,
        template: str,
        *,
        status: int = 200,
        **context: Any,  # noqa: ANN401 - whatever a template needs
    ) -> Response[str]:
        """Return the answer with *template* for whoever asks; a choice of times is remembered."""
        viewer = self.access.viewer(request)
        look = self.look_of(request, viewer)
        body = self.fragment(
            template,
            look,
            viewer=viewer,
            is_open=self.access.open,
            path=request.scope["path"],  # What is asked for by a name that is none has no URL.
            csrf_token=csrf_token({"request": request}),
            modes=[(mode.value, _with(request, {COOKIE: mode.value})) for mode in Mode],
            **context,
        )
        asked = COOKIE in request.query_params
        cookies = [self._remembered(look.times.mode.value)] if asked else []
        return Response(body, media_type="text/html", status_code=status, cookies=cookies)

    def _remembered(self, mode: str) -> Cookie:
        return Cookie(
            COOKIE, value=mode, max_age=YEAR_SECONDS, samesite="lax", httponly=True, secure=self.secure_cookies
        )


def stay(milliseconds: int) -> str:
    """Return how long a stay was."""
    return lasting(timedelta(milliseconds=milliseconds))


def address_of(request: Asked) -> str:
    """Return what was asked for, path and query; the host is left out, which may be none (``request.url`` has it)."""
    query = request.scope["query_string"].decode("latin-1")
    return quote(request.scope["path"]) + (f"?{query}" if query else "")


def _with(request: Asked, changes: Mapping[str, str]) -> str:
    """Return the URL that was asked for with *changes* in its query."""
    query = {**dict(request.query_params.items()), **changes}
    return f"{quote(request.scope['path'])}?{urlencode(query)}"


@cache
def asset_url(name: str) -> str:
    """Return where the asset *name* is, by what it contains: it may be kept for ever."""
    return f"/assets/{name}?{sha256((ASSETS / name).read_bytes()).hexdigest()[:12]}"
