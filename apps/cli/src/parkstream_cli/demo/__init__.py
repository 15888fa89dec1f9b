"""The whole pipeline on one machine for a minute. Reading order: run, plan, services, watching, showing, accounting."""
