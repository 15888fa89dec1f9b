"""The projection of visits, defined for the engine. Reading order: definition."""

from parkstream_projection.visits.definition import VISITS, VisitsProjector, VisitsStep

__all__ = ["VISITS", "VisitsProjector", "VisitsStep"]
