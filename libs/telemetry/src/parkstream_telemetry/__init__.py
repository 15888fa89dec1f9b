"""The senses: traces, metrics and logs under names that are all listed."""
