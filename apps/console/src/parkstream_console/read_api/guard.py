"""Who may ask the read API: who bears a credential, or has logged in."""

from collections.abc import Sequence
from typing import Final

from litestar.handlers import BaseRouteHandler
from parkstream_service.http import Guard
from parkstream_service.http.problems import RefusedError
from parkstream_service.refusals import Refusal

from parkstream_console.access.session import ROLE, Connection
from parkstream_console.pages.site import Site

MASKED: Final = "{} sees masked plates, and here they are whole: ask with the credential of a caller"


def reader_guard(site: Site, bearers: Sequence[Guard]) -> Guard:
    """Return what lets in whom *bearers* do, and who is logged in at *site*, each by the role of a route."""

    def guard(connection: Connection, handler: BaseRouteHandler) -> None:
        bears = "authorization" in connection.headers
        viewer = None if bears else site.access.viewer(connection)
        if viewer is None:
            for one in bearers:
                one(connection, handler)
        elif handler.opt.get(ROLE) not in viewer.roles:
            raise RefusedError(Refusal.ROLE, f"{viewer.name} has not the role {handler.opt.get(ROLE)}")
        elif site.hides_plates(viewer):
            raise RefusedError(Refusal.ROLE, MASKED.format(viewer.name))

    return guard
