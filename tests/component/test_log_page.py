"""``docs/log.md`` shows a real session of every tool of the log: each is run again, and must print what it shows.

``PARKSTREAM_WRITE_PAGES=yes pytest tests/component/test_log_page.py`` writes the page anew.
"""

import asyncio
import os
from pathlib import Path

import pytest
from pipeline import Pipeline
from sessions import Answer, rewritten, run, sessions_of, shape_of
from small_mall import SmallMall

PAGE = Path(__file__).parents[2] / "docs" / "log.md"
ANEW = os.environ.get("PARKSTREAM_WRITE_PAGES") == "yes"


@pytest.fixture
def pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path) -> Pipeline:
    pipeline = Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)
    pipeline.environ["PARKSTREAM_HOLD_MAX_SECONDS"] = "600"  # What is held is released by silence, as the page says.
    pipeline.start()
    return pipeline


@pytest.mark.timeout(1_800)
async def test_every_session_of_the_page_is_what_one_sees(pipeline: Pipeline, tmp_path: Path):
    await SmallMall(pipeline).live()
    environ = {
        **pipeline.environ,
        "PARKSTREAM_SUMMARY_FILE": str(pipeline.file),
        "PARKSTREAM_SUMMARY_URL": pipeline.api.url,
        "PARKSTREAM_BACKEND_URL": pipeline.backends[0].url,
        "PARKSTREAM_ARCHIVE_DIR": "archive",
    }

    def answer(command: str) -> Answer:
        given = run(command, environ, tmp_path)
        return given._replace(printed=given.printed.replace(pipeline.environ["PARKSTREAM_MALL"], "mall"))

    text = PAGE.read_text(encoding="utf-8")
    if ANEW:
        PAGE.write_text(await asyncio.to_thread(rewritten, text, answer), encoding="utf-8")
        return
    for session in sessions_of(text):
        given = await asyncio.to_thread(answer, session.command)
        assert shape_of(given.printed) == shape_of(session.answer.printed), session.command
        assert given.exit_code == session.answer.exit_code, given.printed
