"""The log to lines of JSON and back. Reading order: json_lines, export, importer, redis_import."""
