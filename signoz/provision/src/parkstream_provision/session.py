"""Waits until SigNoz is ready, and logs in: its first user is made some time after it answers."""

import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from parkstream_provision.api import Api
from parkstream_provision.errors import (
    NotReadyError,
    ProvisionError,
    RefusedError,
    TooOldError,
    UnreachableError,
    WrongPasswordError,
)
from parkstream_provision.settings import Settings
from parkstream_provision.shapes import entries, fields

POLL_SECONDS: Final = 1.0
OLDEST: Final = (0, 138)
REFUSED: Final = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}


class _NotYetError(Exception):
    """It may come."""


def log_in(settings: Settings) -> Api:
    """Return SigNoz, logged in; raise ``NotReadyError``, ``WrongPasswordError`` or ``TooOldError``."""
    api = Api(settings.signoz_url)
    deadline = time.monotonic() + settings.signoz_ready_seconds
    try:
        for step in (lambda: _ready(api), lambda: _new_enough(api), lambda: api.show(_token(api, settings))):
            _until(step, deadline, settings)
    except BaseException:
        api.close()
        raise
    return api


def _until(step: Callable[[], None], deadline: float, settings: Settings) -> None:
    while True:
        try:
            return step()
        except (UnreachableError, _NotYetError) as error:
            if time.monotonic() >= deadline:
                raise NotReadyError(settings.signoz_url, settings.signoz_ready_seconds, str(error)) from error
        time.sleep(POLL_SECONDS)  # Between two looks; the deadline is above.


def _ready(api: Api) -> None:
    try:
        api.get("/api/v2/readyz")
    except RefusedError as error:
        raise _NotYetError(error.detail) from error


def _new_enough(api: Api) -> None:
    answer = api.get("/api/v1/version")
    version = str(fields(answer).get("version", ""))
    found = re.match(r"v?(\d+)\.(\d+)", version)  # A build of one's own may have no number.
    if found and (int(found[1]), int(found[2])) < OLDEST:
        raise TooOldError(version, f"v{OLDEST[0]}.{OLDEST[1]}")


def _token(api: Api, settings: Settings) -> str:
    asked = urlencode({"email": settings.signoz_email, "ref": api.url})
    try:
        orgs = entries(fields(api.get(f"/api/v2/sessions/context?{asked}")).get("orgs"))
    except RefusedError as error:
        raise _NotYetError(error.detail) from error
    if not orgs:
        message = f"{settings.signoz_email} does not exist yet; SigNoz makes it from SIGNOZ_USER_ROOT_EMAIL"
        raise _NotYetError(message)
    body = {"email": settings.signoz_email, "password": settings.signoz_password, "orgId": orgs[0]["id"]}
    try:
        answer = api.call("POST", "/api/v2/sessions/email_password", body)
    except RefusedError as error:
        if error.status in REFUSED:
            raise WrongPasswordError(settings.signoz_email, error.detail) from error
        raise _NotYetError(error.detail) from error
    token = fields(answer).get("accessToken")
    if not token:
        message = "the login gave no token; SigNoz v0.138 does"
        raise ProvisionError(message)
    return str(token)
