"""How SigNoz keeps each kind of thing: where, by what name, and which of them are ours."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Final, Protocol, cast

from msgspec import Struct

from parkstream_provision.api import Api
from parkstream_provision.errors import ProvisionError
from parkstream_provision.shapes import Json, entries, fields

PREFIX: Final = "parkstream-"
TITLE: Final = "Parkstream: "
PAGE: Final = 200


class Existing(Struct, frozen=True):
    """What is there under *key*."""

    id: str
    key: str
    body: Json
    ours: bool
    locked: bool = False


class Kind(Protocol):
    """One kind of thing."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    def key(self, body: Json) -> str:
        """Return what *body* is found again by."""
        ...

    def existing(self, api: Api) -> list[Existing]:
        """Return what is there."""
        ...

    def create(self, api: Api, body: Json) -> None:
        """Make it."""
        ...

    def update(self, api: Api, there: Existing, body: Json) -> None:
        """Make *there* what *body* says."""
        ...

    def delete(self, api: Api, there: Existing) -> None:
        """Remove it."""
        ...


class Collection(Struct, frozen=True, kw_only=True):
    """A kind that is listed, POSTed, PUT and DELETEd at *path*."""

    name: str
    path: str
    listed_as: tuple[str, ...]
    """Under which of these the list may be."""
    key_field: str
    ours: Callable[[Json], bool]
    put_fields: tuple[str, ...] = ()
    """What PUT takes of the body; all of it when empty."""
    packed: bool = False
    """Whether the list has the body as a string in ``data``, and all of it."""

    def key(self, body: Json) -> str:
        """Return what *body* is found again by."""
        return str(body.get(self.key_field, ""))

    def existing(self, api: Api) -> list[Existing]:
        """Return what is there, each as a GET of it shows it."""
        return [self._existing(api, item) for item in self._items(api)]

    def create(self, api: Api, body: Json) -> None:
        """POST it."""
        api.call("POST", self.path, body)

    def update(self, api: Api, there: Existing, body: Json) -> None:
        """PUT it."""
        api.call("PUT", f"{self.path}/{there.id}", {key: body[key] for key in self.put_fields or body if key in body})

    def delete(self, api: Api, there: Existing) -> None:
        """DELETE it."""
        api.call("DELETE", f"{self.path}/{there.id}")

    def _items(self, api: Api) -> Iterator[Json]:
        """Yield what the list has, page by page; one that knows no pages answers the same again."""
        seen: set[str] = set()
        while True:
            page = items(api.get(f"{self.path}?limit={PAGE}&offset={len(seen)}"), self.listed_as, self.path)
            fresh = [item for item in page if str(item["id"]) not in seen]
            yield from fresh
            seen |= {str(item["id"]) for item in fresh}
            if len(page) < PAGE or not fresh:
                return

    def _existing(self, api: Api, item: Json) -> Existing:
        body = json.loads(item["data"]) if self.packed else api.get(f"{self.path}/{item['id']}")
        return Existing(str(item["id"]), self.key(body), body, self.ours(body), bool(body.get("locked")))


class Funnels:
    """Funnels are made by name, and get their steps in a second call."""

    name = "funnel"
    path: Final = "/api/v1/trace-funnels"

    def key(self, body: Json) -> str:
        """Return its name."""
        return str(body.get("funnel_name", ""))

    def existing(self, api: Api) -> list[Existing]:
        """Return what is there."""
        return [self._existing(api, item) for item in items(api.get(f"{self.path}/list"), ("funnels",), self.path)]

    def create(self, api: Api, body: Json) -> None:
        """Make it, and give it its steps."""
        made = api.call("POST", f"{self.path}/new", {"funnel_name": self.key(body), "timestamp": _now_ms()})
        self._put_steps(api, str(made["funnel_id"]), body)

    def update(self, api: Api, there: Existing, body: Json) -> None:
        """Give it its steps."""
        self._put_steps(api, there.id, body)

    def delete(self, api: Api, there: Existing) -> None:
        """DELETE it."""
        api.call("DELETE", f"{self.path}/{there.id}")

    def _existing(self, api: Api, item: Json) -> Existing:
        body = api.get(f"{self.path}/{item['funnel_id']}")
        return Existing(str(item["funnel_id"]), self.key(body), body, self.key(body).startswith(TITLE))

    def _put_steps(self, api: Api, funnel_id: str, body: Json) -> None:
        steps = {"funnel_id": funnel_id, "timestamp": _now_ms(), "steps": body["steps"]}
        api.call("PUT", f"{self.path}/steps/update", steps)


def items(data: object, listed_as: tuple[str, ...], path: str) -> list[Json]:
    """Return the list in *data*, which is it, or has it under one of *listed_as*."""
    if isinstance(data, dict):
        found = [value for key, value in fields(cast("object", data)).items() if key in listed_as]
        data = found[0] if found else "another shape"
    if data is not None and not isinstance(data, list):
        message = f"GET {path} answered no list: this is another API than that of SigNoz v0.138"
        raise ProvisionError(message)
    return entries(cast("object", data))


def _named_ours(body: Json) -> bool:
    return str(body.get("name", "")).startswith(PREFIX)


def _labelled_ours(body: Json) -> bool:
    return bool(fields(body.get("labels")).get("managed_by") == "parkstream")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


BY_FOLDER: Final[dict[str, Kind]] = {
    "channels": Collection(
        name="channel",
        path="/api/v1/channels",
        listed_as=("channels",),
        key_field="name",
        ours=_named_ours,
        packed=True,
    ),
    "rules": Collection(
        name="rule", path="/api/v2/rules", listed_as=("rules",), key_field="alert", ours=_labelled_ours
    ),
    "dashboards": Collection(
        name="dashboard", path="/api/v2/dashboards", listed_as=("dashboards",), key_field="name", ours=_named_ours
    ),
    "views": Collection(
        name="view",
        path="/api/v2/saved_views",
        listed_as=("savedViews", "saved_views", "views"),
        key_field="name",
        ours=_named_ours,
        put_fields=("source", "schemaVersion", "spec"),
    ),
    "funnels": Funnels(),
}
"""In the order in which they are made: a rule needs its channel."""
