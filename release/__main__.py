"""``python -m release VERSION`` brings all manifests to VERSION; without one, to that of the root."""

import sys

from release.lockstep import ROOT, set_version


def main(arguments: list[str]) -> int:
    """Do what *arguments* ask for, and return the exit code."""
    sys.stdout.writelines(f"{path.relative_to(ROOT)}\n" for path in set_version(ROOT, *arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
