"""A campaign of faults on the whole pipeline, drawn from a seed: ``./dev chaos``.

Reading order: schedule (what is drawn), traffic and camera (cars, and what must come of them), mall (what runs), kinds
(each fault), verdict (what must hold after it), campaign (one after the other), ledger and report (what was found).
"""
