"""Services asked by schemathesis whatever their OpenAPI documents allow, and what these do not.

No answer is a server error, and each is as the document says.
"""

import base64
import time
from typing import Any, Final

import msgspec
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from msgspec import Struct
from schemathesis import APIOperation, Case, GenerationMode, openapi
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok

from fuzzing.run import Progress, Tally
from fuzzing.services import Service
from fuzzing.target import Failure

NAMES: Final = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]
"""What schemathesis checks of every answer."""
MODES: Final = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
"""What the document allows, and what it does not."""
TRUSTED_OF_TEN: Final = 8
"""So many requests come with the credential, the others without."""
TRUST: Final = {"Authorization", "Cookie", "x-csrftoken"}
"""Headers that say who asks."""
SECONDS_MAX: Final = 60.0
ACCEPTED: Final = 400
STEP: Final = 50


class Asked(Struct, frozen=True, kw_only=True):
    """A request that can be sent again: *path* with its query, and the operation whose document is the measure."""

    operation: str
    method: str
    path: str
    headers: dict[str, str]
    trusted: bool = False
    """Whether it came with the credential, which is not kept."""
    body: str = ""
    """In base64."""


class Api:
    """A service as one target; its answers are held to *document*, by default its own."""

    def __init__(self, name: str, service: Service, document: dict[str, Any] | None = None) -> None:
        load_all_checks()
        self.name = name
        self._checks: Any = CHECKS.get_by_names(NAMES)
        self._service = service
        self._session, self._stranger = requests.Session(), requests.Session()
        self._trust = {"Authorization": f"Bearer {service.token}"}
        schema = openapi.from_dict(document or service.document)
        self.operations: dict[str, APIOperation[Any, Any, Any, Any]] = {
            one.ok().label: one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)
        }

    def fuzz(self, inputs: int, seed: int, progress: Progress) -> Tally:
        """Send so many requests, which follow from *seed*; the service has to live on."""
        tally, begun = Tally(target=self.name), time.perf_counter()
        ways = [(operation, mode) for operation in self.operations.values() for mode in MODES if _can(operation, mode)]
        for operation, mode in ways:
            self._ask(operation, mode, -(-inputs // len(ways)), seed, tally)
        if not self._service.process.alive:
            error = f"DiedError: {self._service.process.last_lines()}"
            tally.note(Failure(target=self.name, error=error, where="the process", input=b"{}"))
        tally.seconds = time.perf_counter() - begun
        progress(tally)
        return tally

    def again(self, saved: bytes) -> bool | Failure:
        """Send what was saved of a failure once more."""
        asked = msgspec.json.decode(saved, type=Asked)
        sent = (self._session if asked.trusted else self._stranger).request(
            asked.method,
            f"{self._service.process.url}{asked.path}",
            headers=asked.headers | (self._trust if asked.trusted else {}),
            data=base64.b64decode(asked.body),
            timeout=SECONDS_MAX,
            allow_redirects=False,
        )
        return self._judged(self.operations[asked.operation].Case(), sent)

    def _ask(
        self, operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, count: int, seed: int, tally: Tally
    ) -> None:
        @seeded(seed)
        @settings(
            max_examples=count,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy(mode), st.integers(1, 10))
        def each(case: Case[Any], tenth: int) -> None:
            tally.note(self._sent(case, trusted=tenth <= TRUSTED_OF_TEN))

        each()

    def _sent(self, case: Case[Any], *, trusted: bool) -> bool | Failure:
        case.headers.pop("Authorization", None)
        answer = case.call(
            base_url=self._service.process.url,
            session=self._session if trusted else self._stranger,
            headers=self._trust if trusted else {},
            timeout=SECONDS_MAX,
        )
        return self._judged(case, answer)

    def _judged(self, case: Case[Any], answer: Any) -> bool | Failure:  # noqa: ANN401 - of requests, or schemathesis' own
        try:
            case.validate_response(answer, checks=self._checks)
        except FailureGroup as group:
            error = "; ".join(f"{type(one).__name__}: {one.title} {one.message}" for one in group.exceptions)
            label = case.operation.label
            return Failure(target=self.name, error=error[:500], where=label, input=kept(label, answer.request))
        return bool(answer.status_code < ACCEPTED)


def _can(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode) -> bool:
    """Whether there is anything that could be asked wrongly."""
    return mode is GenerationMode.POSITIVE or bool(list(operation.iter_parameters())) or bool(operation.body)


def kept(operation: str, request: requests.PreparedRequest) -> bytes:
    """Return what is kept of a *request* that fails."""
    body = request.body or b""
    asked = Asked(
        operation=operation,
        method=str(request.method),
        path=request.path_url,
        headers={name: str(value) for name, value in request.headers.items() if name not in TRUST},
        trusted=any(name in request.headers for name in TRUST),
        body=base64.b64encode(body if isinstance(body, bytes) else str(body).encode()).decode(),
    )
    return msgspec.json.encode(asked)
