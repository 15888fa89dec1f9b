"""Brings dashboards, alerts, views and retention into SigNoz, and watches that they stay.

Read ``files`` (what is wanted), ``kinds`` (how SigNoz keeps each of them), ``containment`` (what drift is),
``applying`` (what is done about it), ``previewing`` (whether the queries mean anything), then ``app`` and ``standing``
(the process).
"""
