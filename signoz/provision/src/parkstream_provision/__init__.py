"""Brings dashboards, alerts, views and retention into SigNoz, and watches that they stay.

Read ``files`` (what is wanted), ``kinds`` (how SigNoz keeps each of them), ``containment`` (what drift is), ``changes``
(what is done about it), ``received`` (what must wait), ``previews`` and ``names`` (whether the queries mean anything),
then ``app``, ``watch`` and ``server`` (the process).
"""
