"""What goes wrong in reality, each as an object that injects and heals it.

Reading order: fault (what all are), processes, clocks, proxy and network, disks, redis_data, redis_calls,
rabbitmq_state, answers, messages.
"""

from parkstream_devtools.faults.answers import Answer, Api, answers
from parkstream_devtools.faults.clocks import Clock, ClockStepped, NoFaketimeError
from parkstream_devtools.faults.disks import DiskFull, NoMountError, ReadOnly, SmallDisk, can_mount
from parkstream_devtools.faults.fault import Fault
from parkstream_devtools.faults.messages import Hostile, hostile_messages
from parkstream_devtools.faults.network import Blackhole, Cut, HalfOpen, OneByteAPacket, Slow
from parkstream_devtools.faults.processes import Frozen, Killed
from parkstream_devtools.faults.proxy import Proxy, Way, Weather
from parkstream_devtools.faults.rabbitmq_state import (
    ConnectionsClosed,
    DiskAlarm,
    MemoryAlarm,
    QueueDeleted,
    QueueFull,
    Refused,
)
from parkstream_devtools.faults.raw_amqp import RawPublisher
from parkstream_devtools.faults.redis_calls import ERRORS, Ending, RedisCalls
from parkstream_devtools.faults.redis_data import (
    UNFINISHED,
    WEAK_SETTINGS,
    AofCopy,
    Emptied,
    HalfWritten,
    MemoryFull,
    Older,
    TornAof,
    Weakened,
)

__all__ = [
    "ERRORS",
    "UNFINISHED",
    "WEAK_SETTINGS",
    "Answer",
    "AofCopy",
    "Api",
    "Blackhole",
    "Clock",
    "ClockStepped",
    "ConnectionsClosed",
    "Cut",
    "DiskAlarm",
    "DiskFull",
    "Emptied",
    "Ending",
    "Fault",
    "Frozen",
    "HalfOpen",
    "HalfWritten",
    "Hostile",
    "Killed",
    "MemoryAlarm",
    "MemoryFull",
    "NoFaketimeError",
    "NoMountError",
    "Older",
    "OneByteAPacket",
    "Proxy",
    "QueueDeleted",
    "QueueFull",
    "RawPublisher",
    "ReadOnly",
    "RedisCalls",
    "Refused",
    "Slow",
    "SmallDisk",
    "TornAof",
    "Way",
    "Weakened",
    "Weather",
    "answers",
    "can_mount",
    "hostile_messages",
]
