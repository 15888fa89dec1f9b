"""A console that runs, and people who log in to it without a browser."""

import re
from collections.abc import Callable, Mapping
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

from parkstream_devtools import ServiceProcess

AWAY = {"PARKSTREAM_RABBITMQ_URL": "amqp://guest:guest@127.0.0.1:1/", "PARKSTREAM_SUMMARY_URL": "http://127.0.0.1:1"}
"""The read API asks neither."""


def start_console(run: Callable[..., ServiceProcess], redis_url: str, mall: str, **more: str) -> ServiceProcess:
    """Start, by *run*, a console that reads *mall* and asks nobody else."""
    environ: Mapping[str, str] = {"PARKSTREAM_REDIS_URL": redis_url, "PARKSTREAM_MALL": mall, **AWAY, **more}
    return run("parkstream_console", environ)


class Session:
    """What a browser keeps of the console at *url*."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opener: OpenerDirector = build_opener(HTTPCookieProcessor(CookieJar()))

    def ask(self, path: str, form: Mapping[str, str] | None = None, **headers: str) -> tuple[int, str]:
        """Return the status and the body of what is answered, wherever that leads."""
        self._opener.addheaders = list(headers.items())
        data = None if form is None else urlencode(form).encode()
        try:
            with self._opener.open(f"{self._url}{path}", data, timeout=60) as answer:
                return int(answer.status), answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def log_in(self, who: tuple[str, str]) -> "Session":
        """Log in as *who*."""
        _, page = self.ask("/login")
        found: Any = re.search(r'name="_csrf_token" value="([^"]+)"', page)
        form = {"_csrf_token": found[1], "name": who[0], "password": who[1], "to": "/health/live"}
        assert self.ask("/login", form)[0] == 200
        return self
