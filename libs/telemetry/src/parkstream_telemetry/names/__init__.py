"""Every name that leaves a service: metrics, events (EVENT_), spans (SPAN_) and their attributes (ATTRIBUTE_).

Nothing else may be emitted. To add a name, define a constant in its service's module; ``docs/telemetry.md`` follows
from it (``python -m parkstream_telemetry docs``).
"""

from parkstream_telemetry.names.attributes import *  # noqa: F403 - one namespace for all callers
from parkstream_telemetry.names.backend import *  # noqa: F403
from parkstream_telemetry.names.cameras import *  # noqa: F403
from parkstream_telemetry.names.every import *  # noqa: F403
from parkstream_telemetry.names.spans import *  # noqa: F403
from parkstream_telemetry.names.summaries import *  # noqa: F403
