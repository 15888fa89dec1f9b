"""``python -m parkstream_cli`` is the ``parkstream`` command."""

from parkstream_cli.app import main

if __name__ == "__main__":
    main()
