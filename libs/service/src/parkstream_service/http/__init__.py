"""The HTTP face that every service has.

Reading order: app (all of it), health, problems, bearer, foreign_requests, documents; server, protocol, connections.
"""

from parkstream_service.http.app import HttpFace, http_app
from parkstream_service.http.bearer import Guard, bearer_guards, needs
from parkstream_service.http.documents import document
from parkstream_service.http.health import Health, Notice, Problems
from parkstream_service.http.problems import (
    MEDIA_TYPE,
    FieldError,
    Kind,
    Problem,
    WrongFieldError,
    problem,
    refusals,
)
from parkstream_service.http.server import FAILED, serve

__all__ = [
    "FAILED",
    "MEDIA_TYPE",
    "FieldError",
    "Guard",
    "Health",
    "HttpFace",
    "Kind",
    "Notice",
    "Problem",
    "Problems",
    "WrongFieldError",
    "bearer_guards",
    "document",
    "http_app",
    "needs",
    "problem",
    "refusals",
    "serve",
]
