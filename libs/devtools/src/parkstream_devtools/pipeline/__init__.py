"""The whole pipeline on this machine, and whether its account balances: for the demo, tests and benchmarks.

Reading order: settings and callers (what the services are given), services (start and stop), trace_receiver, system
(all of them), snapshots and observer (what goes on), summary_file and account (what came of it), run (a demo) and
kept_files, up (until the user ends it) and data_folder.
"""
