"""The exit camera: publishes vehicle.exited, four in five for cars that it saw enter."""
