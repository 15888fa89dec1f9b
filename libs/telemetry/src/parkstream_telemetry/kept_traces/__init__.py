"""Traces out of kept spans. Reading order: car_trace, search, waterfall (over time), examples (two to show)."""
