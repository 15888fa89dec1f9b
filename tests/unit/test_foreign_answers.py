"""Who answers for a service decides neither whom we ask next, nor what an answer grows to."""

import asyncio
import gzip
from typing import Any

import pytest
from parkstream_devtools.faults import Answer, Api
from parkstream_provision.api import Api as SigNoz
from parkstream_provision.errors import ProvisionError
from parkstream_service.client import ServiceClient
from parkstream_service.unreachable import UnreachableError

JSON = {"Content-Type": "application/json"}
WELL = Answer(headers=JSON, body=b'{"data":1}')
SMALLER = Answer(headers={**JSON, "Content-Encoding": "gzip"}, body=gzip.compress(WELL.body))


async def asked(url: str) -> None:
    async with ServiceClient("token") as client:
        with pytest.raises(UnreachableError):
            await client.get(f"{url}/v1/stats", dict[str, Any])
        with pytest.raises(UnreachableError):
            await client.post(f"{url}/v1/stop")


def signoz_asked(url: str) -> None:
    signoz = SigNoz(url)
    signoz.show("token")
    with pytest.raises(ProvisionError):
        signoz.get("/api/v1/version")
    signoz.close()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_credential_is_not_shown_to_whom_an_answer_names(status: int):
    with Api(WELL) as elsewhere, Api(Answer(status=status, headers={"Location": f"{elsewhere.url}/x"})) as api:
        asyncio.run(asked(api.url))
        signoz_asked(api.url)
        assert len(api.requests) == 3
        assert elsewhere.requests == []


def test_what_is_compressed_is_not_decompressed():
    with Api(SMALLER) as api:
        with pytest.raises(UnreachableError):
            asyncio.run(got(api.url))
        signoz_asked(api.url)
    with Api(WELL) as api:
        assert asyncio.run(got(api.url)) == {"data": 1}


async def got(url: str) -> Any:
    async with ServiceClient() as client:
        return await client.get(f"{url}/v1/stats", dict[str, Any])
