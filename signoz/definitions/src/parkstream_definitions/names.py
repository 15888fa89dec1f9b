"""Every name that a query may ask for, so that ``--check`` knows what is rare from what is misspelt."""

from parkstream_telemetry import names
from parkstream_telemetry.kinds import Attribute, Metric

from parkstream_definitions import foreign
from parkstream_definitions.figures import Json

SIGNOZ_OWN = ("duration_nano", "has_error", "kind", "name", "service.name", "timestamp", "trace_id")


def known() -> Json:
    """Return the metrics with their kinds, and the keys, of our services and of others."""
    listed = [*vars(names).values(), *foreign.ALL]
    metrics = {one.name: one.kind for one in listed if isinstance(one, Metric)}
    keys = {one.name for one in listed if isinstance(one, Attribute)}
    keys |= {label.name for one in foreign.ALL for label in one.attributes}
    return {"metrics": dict(sorted(metrics.items())), "keys": sorted(keys | set(SIGNOZ_OWN))}
