"""What a person on call looks at: dashboards, alerts, views and funnels, in types.

Read ``figures`` and ``foreign`` (what there is to ask for), ``queries`` (how it is asked), ``panels`` and ``rules``
(how it is shown and when it wakes somebody), then ``boards``, ``alerts``, ``views`` and ``funnels`` (what we show).
``documents`` makes the JSON that ``signoz/provision`` applies: ``python -m parkstream_definitions signoz``.
"""
