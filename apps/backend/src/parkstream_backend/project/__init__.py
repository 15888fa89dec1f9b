"""From the log to the visits. Reading order: follower, watermark_generator."""
