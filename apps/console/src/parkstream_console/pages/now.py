"""What happens now: shown once, then renewed once a second."""

from collections.abc import AsyncGenerator, Callable
from typing import Final

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.response import ServerSentEventMessage, Stream
from msgspec import Struct
from parkstream_service.access import Role
from parkstream_service.http import needs

from parkstream_console.access.session import Access, Viewer
from parkstream_console.live.figures import Figures
from parkstream_console.live.snapshots import Snapshots
from parkstream_console.pages.site import Asked, Look, Site
from parkstream_console.pages.times import Mode
from parkstream_console.pictures.bars import flow

RETRY_MS: Final = 1_000
STREAM: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""A proxy hands on what comes as it comes."""


class Rendered(Struct, frozen=True):
    """A look as a part of the page, and as the event that renews it."""

    html: str
    event: bytes


class NowPage:
    """Renders each look once for all who look in the same way."""

    def __init__(self, site: Site, snapshots: Snapshots, capacity: int) -> None:
        self._site = site
        self._snapshots = snapshots
        self._capacity = capacity
        self._of: Figures | None = None
        self._rendered: dict[tuple[Mode, bool], Rendered] = {}
        self.viewers = 0
        """How many follow it."""

    def rendered(self, figures: Figures, look: Look) -> Rendered:
        """Return *figures* as they are shown to whoever has this *look*."""
        if figures is not self._of:
            self._of, self._rendered = figures, {}
        key = look.times.mode, look.hides_plates
        if key not in self._rendered:
            html = self._site.fragment(
                "now_figures.html", look, figures=figures, capacity=self._capacity, flow=flow(figures.minutes)
            )
            event = ServerSentEventMessage(html, event="figures", id=figures.at_us, retry=RETRY_MS)
            self._rendered[key] = Rendered(html, event.encode())
        return self._rendered[key]

    async def events(self, mode: Mode, viewer: Callable[[], Viewer | None]) -> AsyncGenerator[bytes, None]:
        """Yield each look that there is time for, while the *viewer* may see it."""
        self.viewers += 1
        try:
            async for figures in self._snapshots.follow():
                now = viewer()
                if now is None or Role.VISITS_READ not in now.roles:
                    return
                look = self._site.look(mode, hides_plates=self._site.hides_plates(now))
                yield self.rendered(figures, look).event
        finally:
            self.viewers -= 1

    async def now(self) -> Figures:
        """Return the last look."""
        return await self._snapshots.now()


def now_routes(site: Site, page: NowPage, access: Access) -> list[HTTPRouteHandler]:
    """Return the page, and the stream that renews it."""

    @get("/", opt=needs(Role.VISITS_READ), include_in_schema=False)
    async def show_now(request: Asked) -> Response[str]:
        """Show what happens now."""
        look = site.look_of(request, access.viewer(request))
        return site.page(
            request, "now.html", body=page.rendered(await page.now(), look).html, mode=look.times.mode.value
        )

    @get("/live/now", opt=needs(Role.VISITS_READ), include_in_schema=False)
    async def stream_now(request: Asked) -> Stream:
        """Send what changes."""
        look = site.look_of(request, access.viewer(request))
        events = page.events(look.times.mode, lambda: access.viewer(request))
        return Stream(events, media_type="text/event-stream", headers=STREAM)

    return [show_now, stream_now]
