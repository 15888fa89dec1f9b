"""How the errors of summary-api are answered."""

from http import HTTPStatus
from typing import Final

from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from parkstream_service.http import Kind

from parkstream_summary_api.bodies import MalformedError, TooManyItemsError
from parkstream_summary_api.file_log import OtherLogError
from parkstream_summary_api.group_commit import OverloadedError
from parkstream_summary_api.index import IndexAwayError, IndexBehindError
from parkstream_summary_api.reader import UnknownVisitError
from parkstream_summary_api.summary_file import DiskFullError, FileChangedError

KINDS: Final[dict[type[Exception], Kind]] = {
    DiskFullError: Kind("disk-full", "Disk full", HTTPStatus.INSUFFICIENT_STORAGE, retry_after_seconds=2),
    FileChangedError: Kind("file-changed", "File changed", HTTPStatus.SERVICE_UNAVAILABLE, retry_after_seconds=5),
    IndexAwayError: Kind("index-away", "Index away", HTTPStatus.SERVICE_UNAVAILABLE, retry_after_seconds=1),
    IndexBehindError: Kind("index-behind", "Index behind", HTTPStatus.SERVICE_UNAVAILABLE, retry_after_seconds=1),
    MalformedError: Kind("malformed-json", "Malformed JSON", HTTPStatus.BAD_REQUEST, field="$"),
    OtherLogError: Kind("other-log", "Other log", HTTPStatus.SERVICE_UNAVAILABLE, retry_after_seconds=2),
    OverloadedError: Kind("overloaded", "Overloaded", HTTPStatus.SERVICE_UNAVAILABLE, retry_after_seconds=1),
    RequestEntityTooLarge: Kind("too-large", "Too large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, field="$"),
    TooManyItemsError: Kind("too-many", "Too many summaries", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, field="$"),
    UnknownVisitError: Kind("unknown-visit", "Unknown visit", HTTPStatus.NOT_FOUND),
}
