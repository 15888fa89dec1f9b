"""``python -m parkstream_devtools sink``."""

import argparse
import sys

from parkstream_service.uncaught import print_without_quotes

from parkstream_devtools.otlp.command import add_sink, run_sink


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m parkstream_devtools")
    commands = parser.add_subparsers(dest="command", required=True)
    add_sink(commands.add_parser("sink", help="receive OTLP over gRPC until SIGTERM"))
    run_sink(parser.parse_args(arguments))
    return 0


if __name__ == "__main__":
    print_without_quotes()
    sys.exit(main())
