"""One lite stack for all tests here, brought up as docs/compose.md says; they leave it running and settled."""

import pytest
from compose_stack import LITE_UP, Stack, documented_commands, need_engine


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    need_engine()
    assert LITE_UP in documented_commands()
    it = Stack(tmp_path_factory.mktemp("compose"))
    it.compose("build")
    try:
        said = it.shell(LITE_UP)
        assert said.code == 0, said.err + it.words()
        yield it
    finally:
        it.down()
