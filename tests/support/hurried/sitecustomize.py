"""Lets a console with this folder on its path look 100 times a second: what grows with looks, grows quickly."""

from parkstream_console.live import snapshots

vars(snapshots)["EVERY_SECONDS"] = 0.01
