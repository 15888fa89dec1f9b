"""What the projection and the log answer over HTTP, for whichever service mounts it.

Reading order: answers (the bodies), questions (who is asked), routes.
"""

from parkstream_projection.read_api.questions import Questions
from parkstream_projection.read_api.routes import read_router

__all__ = ["Questions", "read_router"]
