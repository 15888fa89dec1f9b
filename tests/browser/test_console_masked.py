"""Whoever sees masked plates finds none, whole, in any page, address or title, wherever the links lead."""

import re
from collections import deque
from datetime import timedelta
from html import unescape
from urllib.parse import unquote, urljoin, urlsplit

import aio_pika
import pytest
from backend_sightings import entry, now
from console_page import OPERATOR, VIEWER
from parkstream_events import topology
from raw_sightings import passes

PLATE = "MASK9977"
PLATES = {PLATE, "BK1234", "DU11", "ML77"}
HIDDEN = re.compile(r"hidden:[\w-]+|_csrf_token\" value=\"[^\"]*|x-csrftoken\": \"[^\"]*|[0-9a-f]{12,}", re.IGNORECASE)
"""What is made up of letters and digits by chance."""
SEEDS = (
    "/",
    "/find",
    "/find?q=out-1",
    "/find?q=mask-9977",
    "/time?position=8&plate=d-u-11",
    "/time?event=-1s&plate=mask-99-77",
    "/time/what-if?plate=mask-99-77&MAX_STAY_SECONDS=1",
    "/todo",
    "/running",
    "/nowhere",
)
PAGES_MAX = 150
LEFT_OUT = ("/assets/", "/logout", "/docs", "times=")
"""No pages, or the same with times written in another way."""


@pytest.fixture(scope="module")
def masking(town):
    """A console that masks plates, of a mall in which a plate stands wherever somebody can put one."""
    town.do(passes(town.pipeline, PLATE))
    town.do(forged(town.pipeline))
    return town.run("parkstream_console", town.environ | {"PARKSTREAM_MASK_PLATES": "true"}).url


async def forged(pipeline):
    """Let somebody put a message among the dead letters whose reason and origin are a plate."""
    connection = await aio_pika.connect(pipeline.rabbitmq_url)
    async with connection, await connection.channel(on_return_raises=True) as channel:
        letter = aio_pika.Message(
            entry(f"in-{PLATE}-2", PLATE, now() - timedelta(minutes=9)),
            headers={topology.REASON_HEADER: f"it is {PLATE}", topology.ORIGINAL_QUEUE_HEADER: PLATE},
        )
        await channel.default_exchange.publish(letter, topology.DEAD_LETTERS_QUEUE)


def test_no_page_that_a_viewer_reaches_has_a_plate_in_it(visitor, masking):
    operator = visitor(masking).log_in(OPERATOR, "/acts/unreadable?what=" + unreadable(visitor, masking))
    operator.fill("#why", f"{PLATE} is the car of the boss")
    operator.click("main button.act")
    operator.locator("#acts").wait_for()
    assert PLATE in operator.content()
    page = visitor(masking).log_in(VIEWER)
    page.locator("#figures tbody tr").first.wait_for()
    assert found_in(page.content(), page.url, page.title()) == set()
    looked_at = walk(page.context.request, masking)
    assert {"/visits", "/plates"} <= {f"/{urlsplit(url).path.split('/')[1]}" for url in looked_at}


def unreadable(visitor, masking):
    """Return the number of the record that cannot be read."""
    page = visitor(masking).log_in(OPERATOR, "/todo")
    return re.search(r"/acts/unreadable\?what=(\d+)", page.content())[1]


def walk(request, url):
    """Follow every link from the seeds, and return what was looked at."""
    waiting, seen = deque(urljoin(url, path) for path in SEEDS), set()
    while waiting:
        assert len(seen) < PAGES_MAX, waiting
        at = waiting.popleft()
        if at in seen:
            continue
        seen.add(at)
        answer = request.get(at)
        while answer.status == 202 or 'id="cancel"' in answer.text():
            answer = request.get(answer.url)  # A time before now is another question each time.
        assert answer.status in {200, 400, 404}, at
        text = answer.text()
        assert found_in(text, answer.url) == set(), at
        links = [unescape(link) for link in re.findall(r'href="([^"]+)"', text)]
        waiting += [urljoin(at, link) for link in links if link.startswith("/") and not link.startswith(LEFT_OUT[:3])]
        waiting = deque(one for one in waiting if LEFT_OUT[3] not in one)
    return seen


def found_in(*texts):
    """Return the plates that stand in *texts*, however an address writes them."""
    plain = HIDDEN.sub("", " ".join(unquote(unescape(text)) for text in texts))
    return {plate for plate in PLATES if plate in plain}
