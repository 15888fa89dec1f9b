"""What the application needs for pages: sessions, tokens in forms, errors as pages, and what never changes."""

import secrets
from hashlib import sha256
from mimetypes import guess_type
from typing import Any, Final

from litestar import Response, get
from litestar.config.app import AppConfig
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import MutableScopeHeaders
from litestar.exceptions import NotFoundException, SerializationException
from litestar.handlers import HTTPRouteHandler
from litestar.middleware import DefineMiddleware
from litestar.middleware.session.base import SessionMiddleware
from litestar.middleware.session.client_side import ClientSideSessionBackend, CookieBackendConfig
from litestar.params import FromPath
from litestar.types import Message, Scope

from parkstream_console.access.session import SESSION_SECONDS, Connection, LoginRequiredError
from parkstream_console.pages.login import to_login
from parkstream_console.pages.problems import page_handlers
from parkstream_console.pages.site import ASSETS, HEADERS, Site

SESSION: Final = "parkstream_session"
ASSETS_PATH: Final = "/assets/"
FOR_EVER: Final = "public, max-age=31536000, immutable"
"""The address of an asset says what is in it."""
API: Final = "/v1/"
NO_PAGES: Final = (API, "/health/", "/metrics", "/live/", "/docs/openapi.json")


def is_page(path: str) -> bool:
    """Whether *path* is a page's: links of other sites may lead there."""
    return not path.startswith(NO_PAGES)


def with_pages(config: AppConfig, session_key: str | None, site: Site) -> AppConfig:
    """Give *config* sessions in encrypted cookies, tokens that show that a form is ours, and errors as pages."""
    secure = site.secure_cookies
    key = sha256((session_key or secrets.token_hex(32)).encode()).digest()
    sessions = CookieBackendConfig(
        secret=key, key=SESSION, max_age=SESSION_SECONDS, httponly=True, samesite="lax", secure=secure
    )
    config.middleware = [*config.middleware, DefineMiddleware(SessionMiddleware, backend=OwnSessions(sessions))]
    forms = sha256(b"forms" + key).hexdigest()
    # Litestar never replaces a cookie that is there: under another key, or another program's, no form would be taken.
    config.csrf_config = CSRFConfig(
        secret=forms,
        cookie_name=f"parkstream_forms_{forms[:8]}",
        cookie_samesite="lax",
        cookie_httponly=True,
        cookie_secure=secure,
        exclude=[f"^{API}"],
    )
    config.before_send = [*config.before_send, set_headers]
    untyped: Any = config
    others: dict[Any, Any] = untyped.exception_handlers
    untyped.exception_handlers = {
        **others,
        **page_handlers(site, is_page, others),
        LoginRequiredError: to_login,
    }
    return config


class OwnSessions(ClientSideSessionBackend):
    """Sessions in cookies; what another program on this host has set is nobody's session, and is removed."""

    async def load_from_connection(self, connection: Connection) -> dict[str, Any]:
        """Return the session of who is asking; Litestar would stumble over what it has not written."""
        untyped: Any = super()
        try:
            found: dict[str, Any] = await untyped.load_from_connection(connection)
        except (SerializationException, KeyError, TypeError, ValueError, RecursionError):
            return {}
        return found


async def set_headers(message: Message, scope: Scope) -> None:
    """Give every answer the headers that pages have; what never changes may be kept."""
    if message["type"] == "http.response.start":
        headers: Any = MutableScopeHeaders.from_message(message)
        kept = scope["path"].startswith(ASSETS_PATH)
        for name, value in {**HEADERS, **({"cache-control": FOR_EVER} if kept else {})}.items():
            headers.setdefault(name, value)


def assets_route() -> HTTPRouteHandler:
    """Return what serves style, script and pictures: what there is is known, and no path leads elsewhere."""
    content = {path.name: path.read_bytes() for path in ASSETS.iterdir() if path.is_file()}

    @get(f"{ASSETS_PATH}{{name:str}}", include_in_schema=False)
    async def show_asset(name: FromPath[str]) -> Response[bytes]:
        """Return an asset."""
        if name not in content:
            raise NotFoundException
        return Response(content[name], media_type=guess_type(name)[0] or "application/octet-stream")

    return show_asset
