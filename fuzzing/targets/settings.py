"""What a process is set to: addresses, whose passwords are never shown, all variables, and the file of callers."""

import atexit
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from msgspec import Struct
from parkstream_backend.settings import Settings as BackendSettings
from parkstream_entry_generator.settings import Settings as EntrySettings
from parkstream_exit_generator.settings import Settings as ExitSettings
from parkstream_service.access import Callers, CredentialsError, Role
from parkstream_service.access.callers import read_callers
from parkstream_service.settings import SettingsError, load
from parkstream_service.settings.loader import fields_of
from parkstream_service.settings.urls import check_url, hosts_of, masked_url
from parkstream_summary_api.settings import Settings as SummarySettings

from fuzzing.target import Target, promise

SECRET: Final = "Zq7Xw9vKjQ"
SCHEMES: Final = (("amqp", "amqps"), ("redis", "rediss"), ("http", "https"))
SETTINGS: Final[tuple[type[Struct], ...]] = (BackendSettings, SummarySettings, EntrySettings, ExitSettings)
OF_VARIABLE: Final = {field.name: settings for settings in SETTINGS for field in fields_of(settings)}
"""A service that each variable is one of."""
SEPARATOR: Final = "="
CALLERS: Final = (
    f'{{"backend": {{"roles": ["summaries:write"], "secrets": ["{SECRET}{SECRET}"]}}}}',
    f'{{"a": {{"roles": ["visits:read", "metrics"], "secrets": ["sha256:{"a" * 64}", "{SECRET}-{SECRET}"]}}}}',
    f'{{"b.c-d_e": {{"roles": ["operate"], "secrets": ["sha256:{"b" * 64}"]}}, "a": {{"roles": [], "secrets": []}}}}',
)


def _address(data: bytes) -> bool:
    text = data.decode(errors="surrogateescape")
    shown = masked_url(text) + hosts_of(text)
    if _is_password(text):
        promise(SECRET not in shown, "a password is never shown")
    taken = False
    for schemes in SCHEMES:
        try:
            check_url(text, schemes)
        except ValueError:
            continue
        taken = True
    return taken


def _is_password(text: str) -> bool:
    """Whether the secret in *text* can be nothing but one: once, before the only @."""
    return text.count(SECRET) == 1 and f"{SECRET}@" in text and text.count("@") == 1


def _variable(data: bytes) -> bool:
    """Have a service read NAME=VALUE; nothing that is secret is in what is wrong with it."""
    name, _, value = data.decode(errors="surrogateescape").partition(SEPARATOR)
    try:
        load(OF_VARIABLE.get(name, BackendSettings), {name: value})
    except SettingsError as error:
        if name.endswith("_URL") and _is_password(value):
            promise(SECRET not in str(error), "a password is never shown")
        return False
    return True


@cache
def _file() -> Path:
    """Return a file for callers, for this process."""
    place = tempfile.TemporaryDirectory()
    atexit.register(place.cleanup)
    file = Path(place.name, "credentials.json")
    file.touch(0o600)
    return file


def _callers(data: bytes) -> bool:
    file = _file()
    file.write_bytes(data)
    try:
        found = read_callers(file)
    except CredentialsError as error:
        promise(SECRET not in str(error), "nothing that the file holds is shown")
        return False
    known = Callers(lambda: found, None)
    promise(known.who("") is None, "nobody is let in without a credential")
    for caller in found:
        promise(caller.roles <= set(Role) and caller.roles, "a caller has roles that there are")
    return True


TARGETS: Final = (
    Target(
        name="addresses",
        about="addresses with passwords, as they are checked and shown",
        samples=(
            *(f"{scheme}://me:{SECRET}@host.example:5672/path".encode() for schemes in SCHEMES for scheme in schemes),
            f"amqp://me:{SECRET}@n1.example:5672,n2.example,[::1]:5673/path".encode(),
        ),
        weight=12,
        check=_address,
        calls_per_byte=100,
    ),
    Target(
        name="variables",
        about="variables of the services' environments",
        samples=(
            f"PARKSTREAM_RABBITMQ_URL=amqp://me:{SECRET}@host:5672/".encode(),
            b"PARKSTREAM_GATES=north=0.6,south=0.4",
            b"PARKSTREAM_GATE_FAULTS=delay=5,creep=10/20,outage=1/2,skew=-3,placeholders=0.5,ids=daily",
            b"PARKSTREAM_ALLOWED_HOSTS=localhost,10.0.0.1,[::1]",
            b"PARKSTREAM_ROLES=record,project,deliver",
            b"PARKSTREAM_ALLOWED_LATENESS_SECONDS=2.5",
            b"PARKSTREAM_PORT=8000",
        ),
        weight=0.2,
        check=_variable,
        calls_per_byte=200,
    ),
    Target(
        name="callers",
        about="files of callers: PARKSTREAM_CREDENTIALS_FILE",
        samples=tuple(text.encode() for text in CALLERS),
        check=_callers,
        calls_per_byte=200,
        weight=2,
    ),
)
