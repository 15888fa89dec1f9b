"""Addresses as people mistype them, each with a password that must not be shown."""

from typing import Final

PASSWORD: Final = "s3cret"

MISTYPED: Final = [
    "{scheme}//me:{password}@host:1",
    "{scheme}:/me:{password}@host:1",
    "{scheme}:me:{password}@host:1",
    "{scheme}/me:{password}@host:1",
    "{scheme};//me:{password}@host:1",
    "{scheme}://me{password}@host:1",
    "{scheme}://{password}@host:1",
    "{scheme}://{password}:@host:1",
    "{scheme}://:{password}@",
    "{scheme}://me:{password}",
    "{scheme}://:{password}",
    "{scheme}://me:{password}host:1",
    "{scheme}://me:{password}#host:1",
    "{scheme}://me:{password} @host:1",
    "{scheme}://me: {password}@host:1",
    " {scheme}://me:{password}@host:1 ",
    "{scheme}://me:{password}@host:1\n",
    "{scheme}://me:{password}\n@host:1",
    "{scheme}://me:{password}@@host:1",
    "{scheme}://me@{password}@host:1",
    "{scheme}://me:@{password}@host:1",
    "{scheme}://me@host:{password}",
    "{scheme}://host:1@me:{password}",
    "{scheme}://host:1/@me:{password}",
    "{scheme}://host:1#{password}",
    "{scheme}://me:/{password}@host:1",
    "{scheme}://me:1/{password}@host:1",
    "{scheme}://me:?{password}@host:1",
    "{scheme}://me:1?{password}@host:1",
    "{scheme}://me:#{password}@host:1",
    "{scheme}://me:1#{password}@host:1",
    "{scheme}://me:%{password}@host:1",
    "{scheme}://me:{password}%@host:1",
    "{scheme}://me:%zz{password}@host:1",
    "{scheme}://me:{password}@[::1",
    "{scheme}://me:{password}@::1]:1",
    "{scheme}://me:{password}@[host]:1",
    "{scheme}://[me:{password}]@host:1",
    "{scheme}://me:{password}@host:port",
    "{scheme}://me:{password}@host:99999",
    "{scheme}://me:{password}@ho st",
    "{scheme}://me:{password}\udcff@host:1",
    "{upper}://me:{password}@host:1",
    "{upper}//me:{password}@host:1",
    "htp://me:{password}@host:1",
    "me:{password}@host:1",
    ":{password}@host",
    "me:{password}",
    "{scheme}={scheme}://me:{password}@host:1",
    "'{scheme}://me:{password}@host:1'",
    "{{{scheme}://me:{password}@host:1}}",
    "{scheme}//me:{password}@n1:1,n2:2",
    "{scheme}://me:{password}n1:1,n2:2",
    "{scheme}://me,{password}",
    "{scheme}://me,{password}@n1:1,n2:2",
    "{scheme}://me:{password}@",
    "{scheme}://me:{password}@,",
    "{scheme}://me:{password}@n1:1,",
    "{scheme}://me:{password}@,n2:2",
    "{scheme}://me:{password}@n1:1,,n2:2",
    "{scheme}://me:{password}@n1:1, n2:2",
    "{scheme}://me:{password}@n1:1;n2:2",
    "{scheme}://me:{password}@n1:1,n2:port",
    "{scheme}://me:{password}@n1:1,n2:0",
    "{scheme}://me:{password}@n1:1,[::2",
    "{scheme}://me:{password}@n1:1,me:{password}@n2:2",
    "{scheme}://me:{password}@n1:1,{scheme}://me:{password}@n2:2",
    "{scheme}://me:{password}@n1:1/,{scheme}://me:{password}@n2:2/",
    "{scheme}://me:{password}@n1:1 {scheme}://me:{password}@n2:2",
    "{scheme}://n1:1,n2:2,{password}",
    "{scheme}://n1:1,n2:2@me:{password}",
    "{scheme}://n1:1,me:{password}@@n2:2",
    "{scheme}://me@n1:1,n2:{password}",
    "{scheme}://me:,{password}@@n1:1,n2:2",
    "me:{password}@n1:1,n2:2",
]

SEVERAL: Final = [
    "{scheme}://me:{password}@host:1,/NAME",
    "{scheme}://me:{password}@,host:1/NAME",
    "{scheme}://me:{password}@host:1,,host:2/NAME",
    "{scheme}://me:{password}@host:1,host:99999/NAME",
    "{scheme}://me:{password}@host:1;host:2/NAME",
    "{scheme}://me:{password}@host:1, host:2/NAME",
    "{scheme}://me:{password}@host:1,me:{password}@host:2/NAME",
    "{scheme}://host:1,me:{password}@host:2/NAME",
    "{scheme}://host:1,me:{password}/NAME",
    "{scheme}://me:{password}@host:1,host:2",
    "{scheme}://me:{password}@host:1,host:2/",
    "{scheme}://me:{password}@host:1,host:2/NAME/0",
    "{scheme}://me:{password}@host:1,host:2/NA ME",
    "{scheme}:me:{password}@host:1,host:2/NAME",
]
"""Of schemes whose address may have several hosts, and has a name."""

RIGHT: Final = [
    "{scheme}://host:1/me:{password}",
    "{scheme}://host:1?me:{password}",
    "{scheme}://host:1/?password={password}",
]
"""As far as anybody can know: they are taken."""


def mistyped(scheme: str) -> list[str]:
    """Return every such address of *scheme*."""
    every = [*MISTYPED, *RIGHT, *(SEVERAL if scheme.endswith("+sentinel") else ())]
    return [one.format(scheme=scheme, upper=scheme.upper(), password=PASSWORD) for one in every]


WELL_FORMED: Final = [
    "{scheme}://me:{password}@{host}",
    "{scheme}://:{password}@{host}",
    "{scheme}://me:{password}%2F%3F%23%40@{host}",
    "{scheme}://%40me:{password}:{password}@{host}",
    "{scheme}://me:{password}!$&'()*+,;=@{host}/",
]


def well_formed(scheme: str, host: str) -> list[str]:
    """Return addresses of *scheme* that are taken, at *host* with its port."""
    return [one.format(scheme=scheme, host=host, password=PASSWORD) for one in WELL_FORMED]
