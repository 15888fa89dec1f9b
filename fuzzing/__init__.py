"""Odd inputs, by the million, to everything that reads what others wrote: ``./dev fuzz``.

Reading order: target (a decoder, and what must hold of it), mutation, strategies, meter, run, pool (how it is tried),
targets (each of them), services, apis (the same over HTTP, by schemathesis), report.
"""
