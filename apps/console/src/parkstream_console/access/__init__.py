"""Who may see what, and do what.

Reading order: people (who has a password), attempts (how often it may be wrong), session (who is asking).
"""
