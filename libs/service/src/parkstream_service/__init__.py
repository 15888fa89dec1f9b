"""What every service shares. Reading order: settings, lifecycle, retry, redis, http."""
