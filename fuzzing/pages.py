"""The console's pages, asked for as its API is: by whatever an address bar, a form or a script can send.

They have no OpenAPI document, so this one stands for it: pages are for people, and wrong is only a server error.
"""

import re
from typing import Any, Final

import requests
from schemathesis import Case

from fuzzing.apis import ACCEPTED, Api, kept
from fuzzing.services import CALLER, Service
from fuzzing.target import Failure

FORM: Final = "application/x-www-form-urlencoded"
FORM_TOKEN: Final = re.compile(r'"x-csrftoken": "([^"]+)"')
TIMES: Final = ["times", "utc"]
QUERIES: Final = {
    "/": TIMES,
    "/find": ["q", "before", *TIMES],
    "/login": ["to"],
    "/plates/{id}": TIMES,
    "/running": [],
    "/time": ["by", "when", "position", "recorded", "event", "plate", "find", "page", *TIMES],
    "/time/what-if": ["plate", "PARKSTREAM_MAX_STAY_SECONDS", "PARKSTREAM_DUPLICATE_WINDOW_SECONDS"],
    "/todo": [],
    "/visits/{id}": ["record", *TIMES],
    "/acts/{id}": ["what"],
}
FORMS: Final = {
    "/acts/{id}": ["what", "why", "restates"],
    "/acts/{id}/look": ["what"],
    "/login": ["name", "password", "to"],
    "/time/cancel": ["asked"],
}
NUMBERS: Final = ["1", "-1", "9" * 4_400, "1e400", "-15m", "08:00", "2026-11-30T08:00"]
NAMES: Final = ["dead-letters", "parked", "missing", "unreadable", "switch", "rollback", "position", "record", "utc"]
ODD: Final = [*NUMBERS, *NAMES, "QZX4711", "entry:1@1", "exit:x", "//x", "http://[", "/time?position=1"]
ANY: Final = {"anyOf": [{"enum": ODD}, {"type": "string"}]}
TARGET: Final = "pages-console"
SERVER_ERRORS: Final = {500, 501, 502, 504}
"""A page may say that it cannot be shown now (503), as while another search reads the log."""


class Pages(Api):
    """All pages of one console, as somebody sees them who has logged in, and as nobody does."""

    def __init__(self, name: str, service: Service) -> None:
        super().__init__(name, service, document())
        self._session, token = logged_in(service)
        self._trust = {"x-csrftoken": token}

    def _judged(self, case: Case[Any], answer: Any) -> bool | Failure:  # noqa: ANN401 - of requests, or schemathesis' own
        if answer.status_code in SERVER_ERRORS:
            label = case.operation.label
            error = f"ServerError: {answer.status_code} {answer.text[:200]}"
            return Failure(target=self.name, error=error, where=label, input=kept(label, answer.request))
        return bool(answer.status_code < ACCEPTED)


def api_of(name: str, service: Service) -> Api:
    """Return *service* as the target of that *name*."""
    return Pages(name, service) if name == TARGET else Api(name, service)


def document() -> dict[str, Any]:
    """Return what may be asked of the pages."""
    paths: dict[str, dict[str, Any]] = {}
    for path, names in QUERIES.items():
        wanted = [{"name": name, "in": "query", "schema": ANY} for name in names]
        paths.setdefault(path, {})["get"] = {"parameters": _id(path) + wanted, "responses": {}}
    for path, names in FORMS.items():
        schema = {"type": "object", "properties": dict.fromkeys(names, ANY)}
        body = {"required": True, "content": {FORM: {"schema": schema}}}
        paths.setdefault(path, {})["post"] = {"parameters": _id(path), "requestBody": body, "responses": {}}
    return {"openapi": "3.1.0", "info": {"title": "Pages", "version": "1"}, "paths": paths}


def _id(path: str) -> list[dict[str, Any]]:
    return [{"name": "id", "in": "path", "required": True, "schema": ANY}] if "{id}" in path else []


def logged_in(service: Service) -> tuple[requests.Session, str]:
    """Return who has logged in, and the token of the forms of that session."""
    session, url = requests.Session(), f"{service.process.url}/login"
    token = _token(session.get(url, timeout=30))
    form = {"name": CALLER, "password": service.token, "_csrf_token": token}
    return session, _token(session.post(url, data=form, timeout=30))


def _token(answer: requests.Response) -> str:
    answer.raise_for_status()
    found = FORM_TOKEN.search(answer.text)
    assert found is not None, answer.text
    return found[1]
