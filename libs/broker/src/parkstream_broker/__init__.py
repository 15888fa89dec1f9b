"""The topology as FastStream objects."""
