"""Questions about another time, answered by a process of their own, one at a time for all viewers.

Reading order: folder (where snapshots are), question (what may be asked), worker (the process that answers one),
worker_process (how this one talks to it), desk (whose turn it is, who waits, and what was answered lately).
"""
