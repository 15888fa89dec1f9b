"""Every name that leaves a service: metrics, events (EVENT_), spans (SPAN_) and their attributes (ATTRIBUTE_).

Nothing else may be emitted. To add a name, define a constant in its service's module; ``docs/telemetry.md`` follows
from it (``python -m parkstream_telemetry docs``).
"""

from .attributes import *  # noqa: F403 - one namespace for all callers; relative, as pyright forbids the other
from .backend import *  # noqa: F403
from .console import *  # noqa: F403
from .every_service import *  # noqa: F403
from .generators import *  # noqa: F403
from .spans import *  # noqa: F403
from .summary_api import *  # noqa: F403
