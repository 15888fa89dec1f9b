"""Why a server refuses a request before anybody has looked at what it asks for."""

from enum import StrEnum
from http import HTTPStatus
from typing import Final


class Refusal(StrEnum):
    """The limit that a request or its connection is beyond, or what is wrong with who sends it."""

    MALFORMED = "malformed"
    URL_SIZE = "url_size"
    HEAD_SIZE = "head_size"
    HEAD_TIME = "head_time"
    BODY_SIZE = "body_size"
    BODY_TIME = "body_time"
    ANSWER_TIME = "answer_time"
    PIPELINE = "pipeline"
    CONNECTIONS = "connections"
    MEMORY = "memory"
    HOST = "host"
    ORIGIN = "origin"
    SITE = "site"
    CONTENT_TYPE = "content_type"
    NO_CREDENTIAL = "no_credential"
    WRONG_CREDENTIAL = "wrong_credential"
    ROLE = "role"


STATUSES: Final = {
    Refusal.MALFORMED: HTTPStatus.BAD_REQUEST,
    Refusal.URL_SIZE: HTTPStatus.REQUEST_URI_TOO_LONG,
    Refusal.HEAD_SIZE: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    Refusal.HEAD_TIME: HTTPStatus.REQUEST_TIMEOUT,
    Refusal.BODY_SIZE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Refusal.BODY_TIME: HTTPStatus.REQUEST_TIMEOUT,
    Refusal.ANSWER_TIME: HTTPStatus.REQUEST_TIMEOUT,
    Refusal.PIPELINE: HTTPStatus.TOO_MANY_REQUESTS,
    Refusal.CONNECTIONS: HTTPStatus.SERVICE_UNAVAILABLE,
    Refusal.MEMORY: HTTPStatus.SERVICE_UNAVAILABLE,
    Refusal.HOST: HTTPStatus.FORBIDDEN,
    Refusal.ORIGIN: HTTPStatus.FORBIDDEN,
    Refusal.SITE: HTTPStatus.FORBIDDEN,
    Refusal.CONTENT_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Refusal.NO_CREDENTIAL: HTTPStatus.UNAUTHORIZED,
    Refusal.WRONG_CREDENTIAL: HTTPStatus.UNAUTHORIZED,
    Refusal.ROLE: HTTPStatus.FORBIDDEN,
}
"""How each is answered, where an answer can still be read."""
DETAILS: Final = {
    Refusal.MALFORMED: "that is no HTTP/1.1 request",
    Refusal.URL_SIZE: "the URL is longer than PARKSTREAM_HTTP_URL_BYTES_MAX",
    Refusal.HEAD_SIZE: "URL and headers are longer than PARKSTREAM_HTTP_HEAD_BYTES_MAX",
    Refusal.HEAD_TIME: "URL and headers took longer than PARKSTREAM_HTTP_HEAD_SECONDS",
    Refusal.BODY_SIZE: "the body is too long",
    Refusal.BODY_TIME: "the body took longer than PARKSTREAM_HTTP_BODY_SECONDS",
    Refusal.ANSWER_TIME: "the answer was not read within PARKSTREAM_HTTP_BODY_SECONDS",
    Refusal.PIPELINE: "too many requests before the first was answered",
    Refusal.CONNECTIONS: "more connections than PARKSTREAM_HTTP_CONNECTIONS_MAX; come again",
    Refusal.MEMORY: "requests hold more than PARKSTREAM_HTTP_MEMORY_BYTES_MAX; come again",
}
"""What the answer is for a limit; for the others it depends on the request."""
