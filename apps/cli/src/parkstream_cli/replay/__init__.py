"""The log folded again: beside the live version, which it may replace; or in memory, to ask what was, or might be.

Reading order: commands; running, rebuilding, switching (a version); questions, as_of, what_if (a question).
"""
