"""What takes longer than a page may: stories that need the whole log, traces out of kept spans or SigNoz.

Reading order: stories, car_traces, signoz_traces.
"""
