"""``python -m parkstream_cli`` is the ``parkstream`` command."""

from parkstream_service.uncaught import print_without_quotes

from parkstream_cli.app import main


def run() -> None:
    """Run the command; an error that nobody foresaw quotes nothing."""
    print_without_quotes()
    main()


if __name__ == "__main__":
    run()
