"""A record that nobody can read is accepted."""

from msgspec import Struct
from parkstream_projection.opened import Opened
from parkstream_projection.questions.unreadable import acknowledge, outstanding

from parkstream_console.acts.work import ImpossibleError, Preview, Reached

KIND = "unreadable"


class Acknowledge(Struct, frozen=True):
    """Accept that the record at *position* cannot be read."""

    it: Opened
    position: int
    is_slow: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """See ``Work``."""
        return KIND, str(self.position)

    @property
    def title(self) -> str:
        """See ``Work``."""
        return f"Acknowledge the unreadable record {self.position}"

    @property
    def did(self) -> str:
        """See ``Work``."""
        return f"acknowledged that record {self.position} cannot be read"

    async def look(self, reached: Reached) -> Preview:  # noqa: ARG002 - see Work
        """See ``Work``."""
        listed = (await outstanding(self.it)).unreadable
        found = next((one for one in listed if one.position == self.position), None)
        if found is None:
            message = f"record {self.position} is not listed as unreadable: it was acknowledged, or can be read"
            raise ImpossibleError(message)
        return Preview(
            says=f"{found.type}: {found.reason}: {found.detail}",
            count=1,
            about=[f"record {self.position}"],
            notes=["It changes nothing. When a newer version can read it, rebuild the projection with that instead."],
        )

    async def do(self, it: Opened, why: str, reached: Reached) -> str:  # noqa: ARG002 - see Work
        """See ``Work``."""
        done = await acknowledge(it, self.position, why)
        return f"record {self.position} is accepted by record {done.decided_at}"
