"""What can be wrong, each with what to do about it."""

import re
from typing import Final

from parkstream_service.settings import hosts_of

from parkstream_provision.shapes import entries, fields

DETAIL_MAX: Final = 500
_TAG: Final = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)


class ProvisionError(Exception):
    """SigNoz cannot be provisioned; the text says why, and what to do."""


class UnreachableError(ProvisionError):
    """Nobody answers."""

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(f"no answer from {hosts_of(url)} ({detail}): does SigNoz run, is PARKSTREAM_SIGNOZ_URL right?")


class NotReadyError(ProvisionError):
    """It was waited for in vain."""

    def __init__(self, url: str, seconds: float, detail: str) -> None:
        super().__init__(
            f"SigNoz at {hosts_of(url)} was not ready within {seconds:g} s ({detail}): look at its log, "
            "or give it longer with PARKSTREAM_SIGNOZ_READY_SECONDS"
        )


class WrongPasswordError(ProvisionError):
    """The login was refused."""

    def __init__(self, email: str, detail: str) -> None:
        super().__init__(
            f"SigNoz refused the login of {email} ({detail}): PARKSTREAM_SIGNOZ_EMAIL and PARKSTREAM_SIGNOZ_PASSWORD "
            "must be those that it was first started with (SIGNOZ_USER_ROOT_EMAIL, SIGNOZ_USER_ROOT_PASSWORD)"
        )


class NotJsonError(ProvisionError):
    """The user interface answered where the API should have."""

    def __init__(self, method: str, path: str, content_type: str) -> None:
        super().__init__(
            f"{method} {path} answered {content_type or 'nothing'} instead of JSON: this SigNoz does not know that "
            "path; v0.138 does. Is PARKSTREAM_SIGNOZ_URL the address of SigNoz itself?"
        )


class TooOldError(ProvisionError):
    """The version lacks what is needed."""

    def __init__(self, version: str, wanted: str) -> None:
        super().__init__(f"SigNoz is {version}, but its API is used as of {wanted}: upgrade it")


class RefusedError(ProvisionError):
    """SigNoz answered with an error."""

    def __init__(self, method: str, path: str, status: int, answer: object) -> None:
        self.status = status
        self.detail = detail_of(answer)
        super().__init__(f"{method} {path}: {status} {self.detail}")


class FileError(ProvisionError):
    """A file of ours cannot be used."""


def detail_of(answer: object) -> str:
    """Return what the error *answer* says, in one line."""
    error = fields(fields(answer).get("error", answer))
    if not error:
        return plain(str(answer))
    more = [str(fields(one).get("message", one)) for one in entries(error.get("errors"))]
    message = f"{error.get('code', '')}: {error.get('message', error)}".removeprefix(": ")
    return "; ".join([message, *more])[:DETAIL_MAX]


def plain(text: str) -> str:
    """Return *text* in one line; of a page in HTML only its title, or else its words."""
    if re.match(r"\s*<(!doctype|html|\?xml)", text, re.IGNORECASE):
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        return f"a page, {plain(title[1] if title else _TAG.sub(' ', text)) or 'without words'}"
    return " ".join(text.split())[:DETAIL_MAX]
