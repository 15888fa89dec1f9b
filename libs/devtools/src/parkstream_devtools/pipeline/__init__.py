"""The whole pipeline on this machine, and whether its account balances: for the demo, tests and benchmarks.

Reading order: settings and callers (what the services are given), services (start and stop), trace_receiver, snapshots
(what goes on), summary_file and account (what came of it), run (all of it, in order), kept_files.
"""
