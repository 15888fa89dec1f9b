"""The web page of a mall: the read side of the event log, a process of its own.

Reading order: app (how it is put together), settings, access (who may), live (what changes by itself), pages.
"""
