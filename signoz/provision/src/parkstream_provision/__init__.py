"""Brings dashboards, alerts, views and retention into SigNoz."""
