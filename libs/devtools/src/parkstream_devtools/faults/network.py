"""Networks that fail, at the ``Proxy`` that a client and a server speak through."""

from parkstream_devtools.faults.fault import Fault
from parkstream_devtools.faults.proxy import Proxy, Way, Weather


class _Weathered(Fault):
    """A weather at *proxy*."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    def _weather(self) -> Weather:
        raise NotImplementedError

    def inject(self) -> None:
        """See ``Fault.inject``."""
        self._proxy.change(self._weather())

    def heal(self) -> None:
        """See ``Fault.heal``: what was swallowed is gone, so those connections are closed, as TCP would in the end."""
        if self._proxy.weather.swallows:
            self._proxy.drop_connections(self._proxy.weather.only_of)
        self._proxy.change(Weather())


class Cut(_Weathered):
    """Connections are reset, and new ones too."""

    kind = "network-cut"

    def _weather(self) -> Weather:
        return Weather(refuses=True)

    def inject(self) -> None:
        """See ``Fault.inject``."""
        super().inject()
        self._proxy.drop_connections()


class Blackhole(_Weathered):
    """Whatever is sent vanishes, both ways; nobody hears of it. *only_of*: for clients at these addresses alone."""

    kind = "network-blackhole"

    def __init__(self, proxy: Proxy, *, only_of: frozenset[str] = frozenset()) -> None:
        super().__init__(proxy)
        self._only_of = only_of

    def _weather(self) -> Weather:
        return Weather(swallows=frozenset(Way), only_of=self._only_of)


class HalfOpen(_Weathered):
    """What the client sends vanishes; what the server sends still arrives."""

    kind = "network-half-open"

    def _weather(self) -> Weather:
        return Weather(swallows=frozenset({Way.TO_SERVER}))


class Slow(_Weathered):
    """Every chunk takes *latency_seconds*, each way."""

    kind = "network-slow"

    def __init__(self, proxy: Proxy, latency_seconds: float) -> None:
        super().__init__(proxy)
        self._latency_seconds = latency_seconds

    def _weather(self) -> Weather:
        return Weather(latency_seconds=self._latency_seconds)


class OneByteAPacket(_Weathered):
    """What is sent arrives byte by byte, as the worst of TCP allows."""

    kind = "network-one-byte"

    def _weather(self) -> Weather:
        return Weather(chunk_bytes=1)
