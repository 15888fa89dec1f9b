"""``python -m parkstream_telemetry docs`` prints docs/telemetry.md."""

import argparse
import sys

from parkstream_telemetry.docs import page


def main(arguments: list[str] | None = None) -> int:
    """Print the page."""
    parser = argparse.ArgumentParser(prog="python -m parkstream_telemetry")
    parser.add_argument("command", choices=["docs"], help="print docs/telemetry.md")
    parser.parse_args(arguments)
    sys.stdout.write(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
