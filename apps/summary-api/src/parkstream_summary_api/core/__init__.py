"""What is decided without touching a file, a server or a clock."""
