"""The projection of visits, as the engine is told of it. Reading order: definition."""

from parkstream_projection.visits.definition import VISITS, VisitsProjector, VisitsStep

__all__ = ["VISITS", "VisitsProjector", "VisitsStep"]
