"""Behind a proxy that people reach by https, no cookie of the console travels without it."""

import re
from urllib.parse import urlencode

import aiohttp
import pytest
from console_page import OPERATOR, write_people


@pytest.mark.parametrize("secure", [True, False])
async def test_every_cookie_says_whether_it_is_for_tls_only(run_service, redis_url, mall, tmp_path, secure):
    people = tmp_path / "people.json"
    write_people(people)
    environ = {
        "PARKSTREAM_REDIS_URL": redis_url,
        "PARKSTREAM_MALL": mall,
        "PARKSTREAM_PEOPLE_FILE": str(people),
        "PARKSTREAM_API_TOKEN": "a token",
        "PARKSTREAM_SECURE_COOKIES": str(secure).lower(),
    }
    console = run_service("parkstream_console", environ)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        async with session.get(f"{console.url}/login?times=utc") as answer:
            set_cookies = answer.headers.getall("set-cookie")
            token = re.search(r'name="_csrf_token" value="([^"]+)"', await answer.text())[1]
        forms = next(one for one in set_cookies if one.startswith("parkstream_forms_")).partition(";")[0]
        form = urlencode({"name": OPERATOR[0], "password": OPERATOR[1], "_csrf_token": token})
        headers = {"cookie": forms, "content-type": "application/x-www-form-urlencoded"}
        async with session.post(f"{console.url}/login", data=form, headers=headers, allow_redirects=False) as answer:
            assert answer.status == 303
            set_cookies += answer.headers.getall("set-cookie")
    names = {one.partition("=")[0].rstrip("0123456789abcdef") for one in set_cookies}
    assert {"times", "parkstream_forms_"} < names
    assert any(name.startswith("parkstream_session") for name in names)
    assert {"; secure" in one.lower() for one in set_cookies} == {secure}
