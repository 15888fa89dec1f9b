"""What went wrong is put right, by those who may, for a reason that the log keeps."""

import re
from datetime import timedelta

import aio_pika
from backend_sightings import entry, exit_, now, publish_exit
from command_line import CommandLine
from console_page import OPERATOR, VIEWER
from parkstream_events import topology
from playwright.sync_api import expect

WHY = "the camera sends its times again"


async def refused(pipeline, plate):
    """Let the entry of *plate* be a dead letter, as the backend makes one, and its car leave."""
    connection = await aio_pika.connect(pipeline.rabbitmq_url)
    async with connection, await connection.channel(on_return_raises=True) as channel:
        letter = aio_pika.Message(
            entry(f"in-{plate}", plate, now() - timedelta(minutes=9)),
            message_id=f"in-{plate}",
            user_id=connection.transport.connection.url.user,
            headers={topology.REASON_HEADER: "unknown_type", topology.ORIGINAL_QUEUE_HEADER: topology.ENTRIES_QUEUE},
        )
        await channel.default_exchange.publish(letter, topology.DEAD_LETTERS_QUEUE)
        exchange = await channel.get_exchange(topology.EVENTS_EXCHANGE)
        await publish_exit(exchange, exit_(f"out-{plate}", plate, now()), message_id=f"out-{plate}")


def tool(town):
    return CommandLine(town.pipeline.environ)


def outcomes(town, plate):
    return {one["outcome"] for one in town.pipeline.lines() if one["vehicle_plate"] == plate}


def test_a_dead_letter_is_sent_again_and_its_car_is_completed(page, town):
    town.do(refused(town.pipeline, "TODO1"))
    page.goto(f"{town.url}/todo")
    page.get_by_role("link", name="Send again unknown_type").click()
    page.click("text=Look what would be done")
    expect(page.locator("main")).to_contain_text("1 would be sent to the backend again")
    page.fill("#why", WHY)
    page.click("main button.act")
    expect(page.locator("#acts")).to_contain_text("1 were sent to the backend again")
    done = page.get_by_role("row", name=re.compile("sent dead letters again"))
    expect(done).to_contain_text(WHY)
    expect(done).to_contain_text("otto")
    town.do(town.pipeline.until(lambda: "completed" in outcomes(town, "TODO1")))
    assert WHY in tool(town)("log", "find", "--type", "acted").out
    assert WHY in tool(town)("visit", "TODO1").out
    page.goto(f"{town.url}/find?q=TODO1")
    page.locator("main a[href^='/visits/']").first.click()
    expect(page.locator("main")).to_contain_text(WHY)


def test_a_record_that_nobody_can_read_is_acknowledged(page, town):
    page.goto(f"{town.url}/todo")
    page.get_by_role("link", name=re.compile("Acknowledge record")).click()
    page.fill("#why", "that camera was ahead of us")
    page.click("main button.act")
    expect(page.locator("#acts")).to_contain_text("is accepted by record")
    town.do(town.pipeline.until(lambda: town.pipeline.state()["unreadable"] == 0))
    page.goto(f"{town.url}/todo")
    expect(page.locator("main")).to_contain_text("can be read, or was acknowledged")


def test_without_a_reason_nothing_is_done(visitor, town):
    person = visitor()
    person.expected = ("400",)
    page = person.log_in(OPERATOR)
    before = tool(town)("log", "find", "--type", "acted").out
    page.goto(f"{town.url}/acts/dead-letters?what=invalid_field")
    assert page.locator("#why").count() == 0  # Nothing is looked at before somebody asks.
    page.click("text=Look what would be done")
    page.fill("#why", "       ")
    page.click("main button.act")
    expect(page.get_by_role("alert").first).to_contain_text("Say why")
    assert tool(town)("log", "find", "--type", "acted").out == before


def test_a_file_that_lacks_nothing_is_looked_at(page, town):
    page.goto(f"{town.url}/acts/missing")
    page.click("text=Look what would be done")
    expect(page.locator("main")).to_contain_text(re.compile(r"0 of \d+ summaries are not in the file"))
    assert page.locator("#why").count() == 0


def test_another_version_is_made_live_and_the_way_back_is_gone(page, town):
    rebuilt = tool(town)("replay", "--json")
    assert rebuilt.object["hash_equal"]
    page.goto(f"{town.url}/running")
    live_on(page, "Make live version 2", "is live since position")
    live_on(page, "Go back to version 1", "version 1 is live since position")
    assert "went back to version 1" in tool(town)("log", "find", "--type", "acted").out


def live_on(page, link, said):
    page.get_by_role("link", name=link).click()
    page.click("text=Look what would be done")
    expect(page.locator("main")).to_contain_text("no visit differs")
    page.fill("#why", "the rules are those of the contract")
    page.click("main button.act")
    expect(page.locator("#acts")).to_contain_text(said)


def test_what_runs_says_how_it_is_and_who_is_away_is_named(page, town):
    page.goto(f"{town.url}/running")
    expect(page.get_by_role("row", name=re.compile("^summary-api (ready|complains)"))).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("^exit-generator unreachable"))).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("^1 live"))).to_be_visible()
    for found in (
        "^RabbitMQ ok version",
        "^queue parking.entries ok",
        "^functions ok",
        "^durability ok",
        "^log against the mark ok",
    ):
        expect(page.get_by_role("row", name=re.compile(found))).to_be_visible()
    expect(
        page.get_by_role("row", name=re.compile("^dead letters wrong|^queue parking.dead-letters note"))
    ).to_be_visible()


def test_who_may_only_look_sees_what_waits_and_may_do_nothing(visitor, town):
    person = visitor()
    person.expected = ("403",)
    page = person.log_in(VIEWER, "/todo")
    expect(page.get_by_role("row", name=re.compile("invalid_field"))).to_be_visible()
    assert page.locator("a.act").count() == 0
    token = next(one["value"] for one in page.context.cookies() if one["name"].startswith("parkstream_forms_"))
    for path in ("/acts/dead-letters", "/acts/missing/look"):
        form = {"what": "", "why": WHY, "_csrf_token": token}
        assert page.context.request.post(f"{town.url}{path}", form=form).status == 403
    person.open("/acts/dead-letters?what=invalid_field")
    expect(page.locator("main")).to_contain_text("not for you")
    assert "anna" not in tool(town)("log", "find", "--type", "acted").out


def test_what_nobody_can_do_is_said(page, town):
    for path in ("/acts/nothing", "/acts/unreadable?what=x", "/acts/unreadable?what=1"):
        answer = page.context.request.get(f"{town.url}{path}")
        assert answer.status == 409, path
        assert "That cannot be done now" in answer.text()
