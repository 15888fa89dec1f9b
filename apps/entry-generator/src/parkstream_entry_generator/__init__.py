"""The entry camera: publishes vehicle.entered."""
