"""A SigNoz v0.138 that keeps nothing but enforces the rules of its API, as tried against a real one."""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from itertools import count
from threading import Thread
from types import TracebackType
from typing import Any, Self

import msgspec
from aiohttp import web
from signoz_previews import Queries, RefusedError, metrics_of
from signoz_shapes import DNS_1123, Dashboard, View, ViewUpdate, problem_of

EMAIL, PASSWORD = "admin@parkstream.example", "Correct-Horse-7"
API_KEY = "SIGNOZ-API-KEY", "a key of the API"
OPS = {"above", "below", "equal", "eq", "not_equal", "not_eq", "outside_bounds", *"1234567", ">", "<", "=", "!="}
MATCHES = {"atleast_once", "all_the_times", "on_average", "avg", "in_total", "sum", "last", *"12345"}
HTML = "<!doctype html>\n<html>\n<head><title>SigNoz</title></head>\n<body>\n</body>\n</html>\n"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FakeSigNoz(Queries):
    """Listens while it is entered; what it keeps may be looked at, and spoiled.

    ``ready_after`` and ``admin_after`` count questions; metrics that were ``never_received`` or are ``dormant`` (not
    received lately), and ``unknown_keys`` may be set; ``calls`` are the writes that came; ``fired_at_once`` are the
    alerts of missing data that their rule's first evaluation raised. ``gateway_page`` is what a proxy before it says.
    """

    def __init__(self, *, ready_after: int = 0, admin_after: int = 1, version: str = "v0.138.0") -> None:
        super().__init__()
        self.ready_after, self.admin_after, self.version = ready_after, admin_after, version
        self.channels: dict[str, dict[str, Any]] = {}
        self.rules: dict[str, dict[str, Any]] = {}
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.views: dict[str, dict[str, Any]] = {}
        self.funnels: dict[str, dict[str, Any]] = {}
        self.ttl = {"logs": 15 * 24, "traces": 15 * 24, "metrics": 30 * 24}
        self.fired_at_once: list[str] = []
        self.gateway_page = ""
        self.calls: list[str] = []
        self._ids = count(1)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="fake SigNoz", daemon=True)
        self._runner: web.AppRunner | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._runner is not None
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application(middlewares=[self._edge])
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]

    @web.middleware
    async def _edge(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method in {"POST", "PUT", "DELETE"} and "query_range" not in request.path:
            self.calls.append(f"{request.method} {request.path}")
        try:
            return await handler(request)
        except RefusedError as error:
            said = {"type": "invalid-input", "code": error.code, "message": str(error), "errors": []}
            return web.json_response({"status": "error", "error": said}, status=error.status)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self.gateway_page:
            return web.Response(status=502, text=self.gateway_page, content_type="text/html")
        body = json.loads(await request.read() or b"null")
        for method, pattern, answer, is_open in ROUTES:
            match = re.fullmatch(pattern, request.path)
            if match and method == request.method:
                known = (
                    request.headers.get("Authorization") == "Bearer token"
                    or request.headers.get(API_KEY[0]) == API_KEY[1]
                )
                if not (is_open or known):
                    raise RefusedError(401, "unauthenticated", "unauthenticated")
                status, data = answer(self, *match.groups(), body=body, query=dict(request.query))
                if status == 204:
                    return web.Response(status=204)
                bare = pattern.endswith(("/ttl", "/version"))
                return web.json_response(data if bare else {"status": "success", "data": data}, status=status)
        return web.Response(text=HTML, content_type="text/html")

    # Ready, and who is there

    def readyz(self, **_: Any) -> tuple[int, Any]:
        self.ready_after -= 1
        if self.ready_after >= 0:
            raise RefusedError(503, "not_ready", "sqlstore is not ready")
        return 200, {"healthy": True}

    def version_(self, **_: Any) -> tuple[int, Any]:
        return 200, {"version": self.version, "ee": "N", "setupCompleted": True}

    def context(self, query: dict[str, str], **_: Any) -> tuple[int, Any]:
        self.admin_after -= 1
        known = self.admin_after < 0 and query.get("email") == EMAIL
        return 200, {"exists": known, "orgs": [{"id": "org-1", "name": "Parkstream"}] if known else []}

    def log_in(self, body: dict[str, str], **_: Any) -> tuple[int, Any]:
        if body != {"email": EMAIL, "password": PASSWORD, "orgId": "org-1"}:
            raise RefusedError(401, "unauthenticated", "invalid email or password")
        return 200, {"accessToken": "token", "refreshToken": "other"}

    # Channels: a receiver of Alertmanager, given back as a string

    def list_channels(self, **_: Any) -> tuple[int, Any]:
        return 200, [
            {"id": id_, "name": body["name"], "type": "webhook", "data": json.dumps(body)}
            for id_, body in self.channels.items()
        ]

    def post_channel(self, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        if not body.get("name") or not any(key.endswith("_configs") for key in body):
            raise RefusedError(400, "invalid_input", "a receiver needs a name and a configuration")
        if any(one["name"] == body["name"] for one in self.channels.values()):
            raise RefusedError(400, "alertmanager_config_conflict", "the receiver name has to be unique")
        return 201, {"id": self._keep(self.channels, body | {"max_alerts": 0})}

    def put_channel(self, id_: str, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        self.channels[self._known(self.channels, id_)] = body
        return 204, None

    # Rules: unknown fields pass, names are not unique

    def list_rules(self, **_: Any) -> tuple[int, Any]:
        return 200, [
            {"id": id_, "alert": body["alert"], "labels": body.get("labels", {})} for id_, body in self.rules.items()
        ]

    def get_rule(self, id_: str, **_: Any) -> tuple[int, Any]:
        extra = {"id": id_, "state": "inactive", "createdAt": "2026-08-01T00:00:00Z", "createdBy": EMAIL}
        return 200, self.rules[self._known(self.rules, id_)] | extra

    def post_rule(self, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        self._check_rule(body)
        # Whatever absentFor says: nothing is known yet of when the metric was last there.
        if body["condition"].get("alertOnAbsent") and metrics_of(body) & (self.never_received | self.dormant):
            self.fired_at_once.append(body["alert"])
        return 201, {"id": self._keep(self.rules, body)}

    def put_rule(self, id_: str, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        self._check_rule(body)
        self.rules[self._known(self.rules, id_)] = body
        return 204, None

    def _check_rule(self, body: dict[str, Any]) -> None:
        condition = body.get("condition") or {}
        queries = (condition.get("compositeQuery") or {}).get("queries") or []
        thresholds = (condition.get("thresholds") or {}).get("spec") or []
        channels = {one["name"] for one in self.channels.values()}
        wrong = [
            *("alert: field is required" for _ in [0] if not body.get("alert")),
            *("version: only v5 is supported" for _ in [0] if body.get("version") != "v5"),
            *("schemaVersion" for _ in [0] if body.get("schemaVersion") != "v2alpha1"),
            *(f"{key}: field is required" for key in ("evaluation", "notificationSettings") if not body.get(key)),
            *("condition.thresholds: field is required" for _ in [0] if not thresholds),
            *("condition.compositeQuery.queries: at least one" for _ in [0] if not queries),
            *(f"op {one.get('op')}" for one in thresholds if one.get("op") not in OPS),
            *(f"matchType {one.get('matchType')}" for one in thresholds if one.get("matchType") not in MATCHES),
            *(
                f"no channel {name}"
                for one in thresholds
                for name in one.get("channels") or [""]
                if name not in channels
            ),
        ]
        if condition.get("selectedQueryName") not in {None, *(query["spec"]["name"] for query in queries)}:
            wrong.append("condition.selectedQueryName does not match any query in compositeQuery")
        if wrong:
            raise RefusedError(400, "invalid_input", "; ".join(wrong))

    # Dashboards: strict, with names of their own; GET fills defaults in

    def list_dashboards(self, query: dict[str, str], **_: Any) -> tuple[int, Any]:
        start, limit = int(query.get("offset", 0)), int(query.get("limit", 20))
        listed = [{"id": id_, "name": body["name"]} for id_, body in self.dashboards.items()]
        return 200, {"dashboards": listed[start : start + limit], "total": len(listed), "tags": []}

    def get_dashboard(self, id_: str, **_: Any) -> tuple[int, Any]:
        extra = {"id": id_, "locked": False, "createdAt": "2026-08-01T00:00:00Z", "source": "user"}
        return 200, extra | self.dashboards[self._known(self.dashboards, id_)]

    def post_dashboard(self, body: Any, **_: Any) -> tuple[int, Any]:
        board = self._dashboard(body)
        if any(one["name"] == board["name"] for one in self.dashboards.values()):
            raise RefusedError(409, "already_exists", "a dashboard with this name exists")
        return 201, {"id": self._keep(self.dashboards, board)}

    def put_dashboard(self, id_: str, body: Any, **_: Any) -> tuple[int, Any]:
        there = self.dashboards[self._known(self.dashboards, id_)]
        board = self._dashboard(body)
        if there.get("locked"):
            raise RefusedError(400, "dashboard_locked", "dashboard is locked, please unlock the dashboard to edit it")
        if board["name"] != there["name"]:
            raise RefusedError(400, "dashboard_invalid_input", "name is immutable")
        self.dashboards[id_] = board
        return 200, board

    def _dashboard(self, body: Any) -> dict[str, Any]:
        board = converted(body, Dashboard, "dashboard_invalid_input")
        if problem := problem_of(board):
            raise RefusedError(400, "dashboard_invalid_input", problem)
        return msgspec.to_builtins(board)

    # Saved views

    def list_views(self, **_: Any) -> tuple[int, Any]:
        return 200, [{"id": id_, "name": body["name"], "source": body["source"]} for id_, body in self.views.items()]

    def get_view(self, id_: str, **_: Any) -> tuple[int, Any]:
        return 200, self.views[self._known(self.views, id_)] | {"id": id_, "createdBy": EMAIL}

    def post_view(self, body: Any, **_: Any) -> tuple[int, Any]:
        view = converted(body, View, "saved_view_invalid_input")
        if not DNS_1123.fullmatch(view.name):
            raise RefusedError(400, "saved_view_invalid_input", "name is no DNS-1123 label")
        if any(one["name"] == view.name for one in self.views.values()):
            raise RefusedError(409, "already_exists", "a saved view with this name exists")
        return 201, {"id": self._keep(self.views, msgspec.to_builtins(view))}

    def put_view(self, id_: str, body: Any, **_: Any) -> tuple[int, Any]:
        update = converted(body, ViewUpdate, "saved_view_invalid_input")
        self.views[self._known(self.views, id_)] |= msgspec.to_builtins(update)
        return 204, None

    # Funnels: made by name, steps in a second call

    def list_funnels(self, **_: Any) -> tuple[int, Any]:
        return 200, [{"funnel_id": id_, "funnel_name": one["funnel_name"]} for id_, one in self.funnels.items()]

    def get_funnel(self, id_: str, **_: Any) -> tuple[int, Any]:
        return 200, self.funnels[self._known(self.funnels, id_)] | {"funnel_id": id_, "user_email": EMAIL}

    def post_funnel(self, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        if not body.get("funnel_name") or not is_recent(body.get("timestamp")):
            raise RefusedError(400, "invalid_input", "funnel_name and timestamp in ms are required")
        if any(one["funnel_name"] == body["funnel_name"] for one in self.funnels.values()):
            raise RefusedError(400, "funnel_already_exists", "a funnel with this name exists")
        return 200, {"funnel_id": self._keep(self.funnels, {"funnel_name": body["funnel_name"], "steps": []})}

    def put_steps(self, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        steps = body.get("steps") or []
        fields = {"step_order", "service_name", "span_name", "latency_pointer", "has_errors"}
        if len(steps) < 2 or not is_recent(body.get("timestamp")) or any(fields - step.keys() for step in steps):
            raise RefusedError(400, "invalid_input", "a funnel has at least two whole steps")
        stored = [step | {"id": f"step-{number}"} for number, step in enumerate(steps)]
        self.funnels[self._known(self.funnels, body["funnel_id"])]["steps"] = stored
        return 200, {"funnel_id": body["funnel_id"]}

    # Retention

    def get_ttl(self, query: dict[str, str], **_: Any) -> tuple[int, Any]:
        signal = query["type"]
        return 200, {"status": "success", f"{signal}_ttl_duration_hrs": self.ttl[signal]}

    def get_log_ttl(self, query: dict[str, str], **_: Any) -> tuple[int, Any]:
        assert query == {"type": "logs"}
        return 200, {"version": "v2", "status": "success", "default_ttl_days": self.ttl["logs"] // 24}

    def post_ttl(self, query: dict[str, str], **_: Any) -> tuple[int, Any]:
        if query.get("type") not in {"traces", "metrics"} or not query.get("duration", "").endswith("h"):
            raise RefusedError(400, "invalid_input", "type and duration")
        self.ttl[query["type"]] = int(query["duration"][:-1])
        return 200, {"message": "move ttl has been successfully set up"}

    def post_log_ttl(self, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        if body.get("type") != "logs" or "defaultTTLDays" not in body:
            raise RefusedError(400, "invalid_input", "logs only")
        self.ttl["logs"] = body["defaultTTLDays"] * 24
        return 200, {"message": "custom retention TTL has been successfully set up"}

    # What all have in common

    def delete(self, kind: str, id_: str, **_: Any) -> tuple[int, Any]:
        stores = {"channels": self.channels, "rules": self.rules, "dashboards": self.dashboards}
        store = (stores | {"saved_views": self.views, "trace-funnels": self.funnels})[kind]
        del store[self._known(store, id_)]
        return 204, None

    def _keep(self, store: dict[str, dict[str, Any]], body: dict[str, Any]) -> str:
        id_ = f"id-{next(self._ids)}"
        store[id_] = body
        return id_

    @staticmethod
    def _known(store: dict[str, Any], id_: str) -> str:
        if id_ not in store:
            raise RefusedError(404, "not_found", f"{id_} does not exist")
        return id_


def converted(body: Any, shape: type[Any], code: str) -> Any:
    """Return *body* in *shape*, or refuse it."""
    try:
        return msgspec.convert(body, shape)
    except msgspec.ValidationError as error:
        raise RefusedError(400, code, str(error)) from error


def is_recent(timestamp_ms: object) -> bool:
    """Return whether *timestamp_ms* is about now."""
    return isinstance(timestamp_ms, int) and abs(timestamp_ms / 1000 - time.time()) < 3600


F = FakeSigNoz
ID = r"/([\w-]+)"
ROUTES: list[tuple[str, str, Callable[..., tuple[int, Any]], bool]] = [
    ("GET", "/api/v2/readyz", F.readyz, True),
    ("GET", "/api/v1/version", F.version_, True),
    ("GET", "/api/v2/sessions/context", F.context, True),
    ("POST", "/api/v2/sessions/email_password", F.log_in, True),
    ("GET", "/api/v1/channels", F.list_channels, False),
    ("POST", "/api/v1/channels", F.post_channel, False),
    ("PUT", f"/api/v1/channels{ID}", F.put_channel, False),
    ("GET", "/api/v2/rules", F.list_rules, False),
    ("POST", "/api/v2/rules", F.post_rule, False),
    ("GET", f"/api/v2/rules{ID}", F.get_rule, False),
    ("PUT", f"/api/v2/rules{ID}", F.put_rule, False),
    ("GET", "/api/v2/dashboards", F.list_dashboards, False),
    ("POST", "/api/v2/dashboards", F.post_dashboard, False),
    ("GET", f"/api/v2/dashboards{ID}", F.get_dashboard, False),
    ("PUT", f"/api/v2/dashboards{ID}", F.put_dashboard, False),
    ("GET", "/api/v2/saved_views", F.list_views, False),
    ("POST", "/api/v2/saved_views", F.post_view, False),
    ("GET", f"/api/v2/saved_views{ID}", F.get_view, False),
    ("PUT", f"/api/v2/saved_views{ID}", F.put_view, False),
    ("GET", "/api/v1/trace-funnels/list", F.list_funnels, False),
    ("POST", "/api/v1/trace-funnels/new", F.post_funnel, False),
    ("PUT", "/api/v1/trace-funnels/steps/update", F.put_steps, False),
    ("GET", f"/api/v1/trace-funnels{ID}", F.get_funnel, False),
    ("DELETE", rf"/api/v\d/(channels|rules|dashboards|saved_views|trace-funnels){ID}", F.delete, False),
    ("GET", "/api/v1/settings/ttl", F.get_ttl, False),
    ("POST", "/api/v1/settings/ttl", F.post_ttl, False),
    ("GET", "/api/v2/settings/ttl", F.get_log_ttl, False),
    ("POST", "/api/v2/settings/ttl", F.post_log_ttl, False),
    ("POST", "/api/v5/query_range/preview", F.preview, False),
    ("POST", "/api/v5/query_range", F.query_range, False),
]
