"""The provisioner's server, as it stays, without a SigNoz: all is as wanted."""

import os

from parkstream_provision.report import Report
from parkstream_provision.server import stay
from parkstream_provision.settings import Settings
from parkstream_provision.watch import Watch
from parkstream_service.settings import settings_or_exit

NOTHING_TO_DO = Report([], written=False)


def main() -> int:
    """Serve until a signal comes."""
    settings = settings_or_exit(Settings, os.environ)
    watch = Watch(lambda _: NOTHING_TO_DO, settings.signoz_check_seconds)
    watch.found(NOTHING_TO_DO)
    return stay(watch, settings)


if __name__ == "__main__":
    raise SystemExit(main())
