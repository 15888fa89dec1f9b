"""Whether Redis calls what this program calls: whoever may load functions could put others in the place of ours."""

from collections.abc import Iterable

from parkstream_eventlog import EventLogError
from parkstream_service.redis import Functions, Library, LibraryMissingError, LibraryOtherError, PassingError
from redis.asyncio import Redis


class ForeignFunctionsError(EventLogError, PassingError):
    """The functions that write to the log are gone, or are not those of this program."""


class CodeGuard:
    """Compares the code of *libraries* in *redis* with that of this program."""

    def __init__(self, redis: Redis, libraries: Iterable[Library]) -> None:
        self._redis = redis
        self._libraries = tuple(libraries)
        self._begun = False

    async def begin(self) -> None:
        """Look from here on; raise ``LibraryMissingError`` or ``LibraryOtherError`` unless they are as they must be."""
        await self._check()
        self._begun = True

    async def __call__(self) -> None:
        """Raise an ``EventLogError`` while nothing may be written; say nothing before they were there."""
        if not self._begun:
            return
        try:
            await self._check()
        except (LibraryMissingError, LibraryOtherError) as error:
            raise ForeignFunctionsError(str(error)) from error

    async def _check(self) -> None:
        for library in self._libraries:
            await Functions(self._redis, library).check()
