"""Makes every Python process with this folder on its path know one more version of both sightings."""

from parkstream_events import wire
from parkstream_events.sightings import VehicleEntered, VehicleExited

for type_, body in (("vehicle.entered.v3", VehicleEntered), ("vehicle.exited.v3", VehicleExited)):
    wire.BODIES[type_] = body
    wire._DECODERS[type_] = wire.msgspec.json.Decoder(body).decode
wire.SIGHTING_TYPES |= {"vehicle.entered.v3", "vehicle.exited.v3"}
