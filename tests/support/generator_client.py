"""A generator's HTTP side, for tests."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from parkstream_devtools import ServiceProcess

Account = dict[str, Any]


def ask(service: ServiceProcess, path: str, method: str = "GET", token: str = "") -> Account:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    with urlopen(Request(service.url + path, method=method, headers=headers), timeout=60) as answer:
        account: Account = json.load(answer)
        return account


def account(service: ServiceProcess) -> Account:
    return ask(service, "/v1/account")


def stop(service: ServiceProcess) -> None:
    ask(service, "/v1/stop", "POST")


async def reached(
    service: ServiceProcess, condition: Callable[[Account], bool], deadline_seconds: float = 240.0
) -> Account:
    """Return the account as soon as *condition* holds for it."""
    ends_at = time.monotonic() + deadline_seconds
    while True:
        now = await asyncio.to_thread(account, service)
        if condition(now):
            return now
        assert time.monotonic() < ends_at, f"not within {deadline_seconds} s: {now}\n{service.last_lines()}"
        await asyncio.sleep(0.05)


async def finished(service: ServiceProcess) -> Account:
    """Tell *service* to make nothing more; return its account when everything made is confirmed."""
    await asyncio.to_thread(stop, service)
    return await reached(service, lambda now: not now["running"] and not now["buffered"])


def refused(service: ServiceProcess, path: str) -> int:
    """Return the status with which *path* is refused, or 0 when it is not."""
    try:
        ask(service, path)
    except URLError as error:
        return int(getattr(error, "code", -1))
    return 0
