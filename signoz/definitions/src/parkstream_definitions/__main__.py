"""``python -m parkstream_definitions FOLDER`` writes the JSON; ``--check`` only says what differs, and exits 1."""

import sys
from pathlib import Path

from parkstream_definitions.documents import differing, write

USAGE = "usage: python -m parkstream_definitions [--check] FOLDER\n\nFOLDER is signoz/ of the repository.\n"


def main(arguments: list[str]) -> int:
    """Do what *arguments* ask for, and return the exit code."""
    folders = [argument for argument in arguments if not argument.startswith("-")]
    if len(folders) != 1 or set(arguments) - {*folders, "--check"}:
        sys.stderr.write(USAGE)
        return 2
    folder = Path(folders[0])
    if "--check" in arguments:
        found = differing(folder)
        sys.stdout.writelines(f"differs: {path}\n" for path in found)
        return 1 if found else 0
    write(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
