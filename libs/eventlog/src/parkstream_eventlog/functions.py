"""The functions in ``functions.lua``, which are the log's only writers."""

from typing import Final

from parkstream_service.redis import Library, source_of

LOG: Final = Library("parkstream_eventlog", 2, (source_of("parkstream_eventlog", "functions.lua"),))
