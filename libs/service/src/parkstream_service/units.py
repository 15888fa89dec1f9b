"""Lengths of time in microseconds, for members that may not import the contract: its definitions, by the same names."""

from parkstream_events.units import DAY_US, HOUR_US, MILLISECOND_US, MINUTE_US, SECOND_US

__all__ = ["DAY_US", "HOUR_US", "MILLISECOND_US", "MINUTE_US", "SECOND_US"]
