"""The functions in ``functions.lua`` and ``switching.lua``, which are the only writers of projections."""

from typing import Final

from parkstream_service.redis import Library, source_of

PROJECTING: Final = Library("parkstream_projection", 3, (source_of("parkstream_projection", "functions.lua"),))
SWITCHING: Final = Library("parkstream_switching", 1, (source_of("parkstream_projection", "switching.lua"),))
