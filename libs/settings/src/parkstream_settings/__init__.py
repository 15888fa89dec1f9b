"""How a process is told what to do: typed environment variables, all errors at once."""
