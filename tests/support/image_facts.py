"""What is known of the images that the compose files use: which programs they have, who runs them, what these write.

Seen in the images and their programs at the pinned versions; a new version needs a look.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

NOTHING: frozenset[str] = frozenset()
TEMPORARY = frozenset({"/tmp"})


class Image(NamedTuple):
    """Facts about an image: its programs, each with the folders that it writes to, and who may run them."""

    programs: Mapping[str, frozenset[str]]
    users: frozenset[str]
    entrypoint: str = ""
    """What runs when a compose file says nothing."""
    redirects: Mapping[str, str] = MappingProxyType({})
    """Variables, each with the folder that is written to when it names no other."""


def ours(*written: str) -> Image:
    """Return the facts about an image of our own, whose app writes to the folders *written*."""
    looking = dict.fromkeys(("healthy", "sleep", "test"), NOTHING)
    return Image({"app": frozenset(written)} | looking, frozenset({"10001:10001"}), "app")


SHELL = {"sh": NOTHING, "bash": NOTHING}
IMAGES = {
    "parkstream/": ours(),
    "parkstream/cli:": ours("/archive"),
    "parkstream/summary-api:": ours("/data"),
    "parkstream/console:": ours("/data"),
    "rabbitmq:": Image(
        {**SHELL, "docker-entrypoint.sh": TEMPORARY | {"/var/lib/rabbitmq", "/etc/rabbitmq/conf.d"}},
        frozenset({"rabbitmq", "999:999"}),
        "docker-entrypoint.sh",
    ),
    "redis:": Image({**SHELL, "redis-server": frozenset({"/data"})}, frozenset({"redis", "999:1000"})),
    "otel/opentelemetry-collector-contrib:": Image(
        {"/otelcol-contrib": frozenset({"/var/lib/otelcol"})}, frozenset({"10001:10001"}), "/otelcol-contrib"
    ),
    "clickhouse/clickhouse-keeper:": Image(
        {**SHELL, "clickhouse-keeper": TEMPORARY | {"/var/lib/clickhouse"}}, frozenset({"101:101"})
    ),
    "clickhouse/clickhouse-server:": Image(
        {
            **SHELL,
            "/entrypoint.sh": TEMPORARY | {"/var/lib/clickhouse", "/var/log/clickhouse-server"},
            "clickhouse-client": TEMPORARY,
        },
        frozenset({"101:101"}),
        "/entrypoint.sh",
    ),
    "signoz/signoz-community:": Image(
        {"sh": NOTHING, "wget": NOTHING, "/root/signoz-community": TEMPORARY | {"/var/lib/signoz"}},
        frozenset({"0:0"}),
        # A list of running queries, in its working folder unless told otherwise; where that is read-only it ends.
        redirects={"SIGNOZ_PROMETHEUS_ACTIVE__QUERY__TRACKER_PATH": "/root"},
    ),
    "signoz/signoz-otel-collector:": Image(
        {"bash": NOTHING, "/signoz-otel-collector": TEMPORARY}, frozenset({"65534:65534"})
    ),
}


def facts_of(image: str) -> Image:
    """Return what is known of *image*."""
    return IMAGES[max((prefix for prefix in IMAGES if image.startswith(prefix)), key=len)]
