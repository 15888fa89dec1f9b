"""What making a release takes beside building it. Reading order: lockstep, fixtures."""
