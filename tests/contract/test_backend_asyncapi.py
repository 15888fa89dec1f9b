import json
from pathlib import Path

from parkstream_backend import asyncapi
from parkstream_events import topology

FILE = Path(__file__).parents[2] / "docs" / "asyncapi.json"


def test_the_file_is_current():
    assert FILE.read_text() == asyncapi.text(), "python -m parkstream_backend asyncapi > docs/asyncapi.json"


def test_every_reference_leads_somewhere():
    document = json.loads(asyncapi.text())

    def references(value: object) -> list[str]:
        match value:
            case {"$ref": str(reference)}:
                return [reference]
            case dict():
                return [found for each in value.values() for found in references(each)]
            case list():
                return [found for each in value for found in references(each)]
            case _:
                return []

    for reference in references(document):
        target: object = document
        for part in reference.removeprefix("#/").split("/"):
            assert isinstance(target, dict)
            target = target[part]


def test_every_work_queue_is_described():
    channels = asyncapi.document()["channels"]
    assert {channel["address"] for channel in channels.values()} == {*topology.WORK_QUEUES.values(), ""}
