"""What is tried again is told as a line of the log, whichever packages are installed beside the backend."""

import logging

import stamina
from parkstream_backend.app import create_app
from parkstream_backend.settings import Settings


def test_a_retry_is_logged_and_not_printed(caplog, capsys):
    create_app(Settings())
    capsys.readouterr()
    with caplog.at_level(logging.WARNING, "stamina"), stamina.set_testing(True, attempts=2):
        for attempt in stamina.retry_context(on=OSError, attempts=2):
            with attempt:
                if attempt.num == 1:
                    raise OSError("away")
    assert [record.name for record in caplog.records] == ["stamina"]
    assert not [line for line in capsys.readouterr().out.splitlines() if not line.startswith("{")]
