"""A receiver of telemetry. Reading order: sink, received, span_file, command."""
