"""Typed settings from environment variables.

Reading order: sources, kinds, urls, loader, description, command, limits, http, telemetry, own_token.
"""

from parkstream_service.settings.command import answer_config, settings_or_exit
from parkstream_service.settings.description import Variable, describe
from parkstream_service.settings.http import HttpSettings
from parkstream_service.settings.limits import HttpLimits
from parkstream_service.settings.loader import SettingsError, env_name, load
from parkstream_service.settings.own_token import own_token
from parkstream_service.settings.telemetry import TelemetrySettings
from parkstream_service.settings.urls import (
    AMQP_URL,
    HTTP_URL,
    REDIS_URL,
    hosts_of,
    masked_in,
    masked_url,
    urls_of_nodes,
)

__all__ = [
    "AMQP_URL",
    "HTTP_URL",
    "REDIS_URL",
    "HttpLimits",
    "HttpSettings",
    "SettingsError",
    "TelemetrySettings",
    "Variable",
    "answer_config",
    "describe",
    "env_name",
    "hosts_of",
    "load",
    "masked_in",
    "masked_url",
    "own_token",
    "settings_or_exit",
    "urls_of_nodes",
]
