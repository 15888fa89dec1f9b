from summary_client import Client, environ
from summary_items import item
from summary_posters import Posters

KILLS = 10


def test_nothing_acknowledged_is_lost_or_written_twice_when_it_is_killed(run_service, tmp_path, redis_url, mall):
    file = tmp_path / "summaries.jsonl"
    process = run_service("parkstream_summary_api", environ(file, redis_url, mall))
    with Posters(process.port).running() as posters:
        for _ in range(KILLS):
            posters.wait_for(200)
            process.kill()
            process.restart()
            process.wait_ready()
        posters.wait_for(200)
    posters.check(file)
    assert posters.refused[0] >= KILLS
    assert Client(process.port).stats()["lines"] == len(set(posters.acknowledged))


def test_a_request_in_flight_is_answered_before_a_sigterm_ends_the_process(run_service, tmp_path, redis_url, mall):
    file = tmp_path / "summaries.jsonl"
    process = run_service("parkstream_summary_api", environ(file, redis_url, mall))
    with Posters(process.port).running() as posters:
        posters.wait_for(200)
        assert process.terminate() == 0
        process.restart()
        process.wait_ready()
        posters.wait_for(200)
    posters.check(file)
    assert posters.statuses["duplicate"] == 0


def test_the_lock_of_a_killed_process_is_free_at_once(run_service, tmp_path, redis_url, mall):
    process = run_service("parkstream_summary_api", environ(tmp_path / "summaries.jsonl", redis_url, mall))
    Client(process.port).post(item())
    process.kill()
    process.restart()
    process.wait_ready()
    assert Client(process.port).post(item()) == ["duplicate"]
