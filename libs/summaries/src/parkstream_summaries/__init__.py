"""The functions in Redis that keep the index of the summary file, for who calls them and for who loads them."""

from typing import Final

from parkstream_service.redis import Library, source_of

INDEX: Final = Library(
    "parkstream_summaries", 1, (source_of("parkstream_summaries", "functions.lua"),), prefix="parkstream_summaries"
)
