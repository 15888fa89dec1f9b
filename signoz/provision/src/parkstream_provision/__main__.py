"""``python -m parkstream_provision`` brings our files into SigNoz and stays; ``--help`` says more."""

from parkstream_provision.app import main

if __name__ == "__main__":
    main()
