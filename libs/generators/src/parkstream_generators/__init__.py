"""What both cameras share.

The pure core: chance, plates, pace, dwell, matching, faults, ids. The memory: intents, store, journal, garage. The
edge: outlet, publisher. The process: settings, station, routes, generator.
"""
