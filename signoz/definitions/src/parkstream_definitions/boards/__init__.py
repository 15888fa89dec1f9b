"""The dashboards, in the order in which a person on call opens them."""

from typing import Final

from parkstream_definitions.boards.camera_to_disk import CAMERA_TO_DISK
from parkstream_definitions.boards.event_log import EVENT_LOG
from parkstream_definitions.boards.mall import PARKING
from parkstream_definitions.boards.rabbitmq import RABBITMQ
from parkstream_definitions.panels import Board

BOARDS: Final[list[Board]] = [CAMERA_TO_DISK, RABBITMQ, EVENT_LOG, PARKING]
