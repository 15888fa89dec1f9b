"""What people do to a running mall, and look at before, for every tool that they do it with.

Reading order: written_log (the mark is asked before), acts (what was done is a record), broker, letters, written_pairs,
findings (what a look finds, and what to do), log_findings, redis_findings, broker_findings,
nodes_findings, member_findings, service_findings.
"""
