"""What RabbitMQ's management interface does for tests, over plain HTTP."""

import base64
import json
import urllib.error
import urllib.request
from urllib.parse import quote

TIMEOUT_SECONDS = 60.0
_NOT_FOUND = 404


class Management:
    """The HTTP API at *url*, as the user guest."""

    def __init__(self, url: str, password: str = "guest") -> None:  # noqa: S107 - everybody's
        self.url = url
        self._authorization = f"Basic {base64.b64encode(f'guest:{password}'.encode()).decode()}"

    def answers(self) -> bool:
        """Return whether it is there."""
        try:
            self.request("GET", "/overview")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        return True

    def add_vhost(self, name: str) -> None:
        """Make the vhost *name*."""
        self.request("PUT", f"/vhosts/{quote(name, safe='')}", {})
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        self.request("PUT", f"/permissions/{quote(name, safe='')}/guest", everything)

    def delete_vhost(self, name: str) -> None:
        """Delete the vhost *name* with all that is in it, if it is there."""
        try:
            self.request("DELETE", f"/vhosts/{quote(name, safe='')}")
        except urllib.error.HTTPError as error:
            if error.code != _NOT_FOUND:
                raise

    def close_connections(self) -> None:
        """Close the connection of every client."""
        self.request("DELETE", "/connections/username/guest")

    def request(self, method: str, path: str, body: object = None) -> bytes:
        """Return the answer's body; raise ``urllib.error.HTTPError`` when it is not a success."""
        asked = urllib.request.Request(  # noqa: S310 - the address is ours
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": self._authorization, "content-type": "application/json"},
        )
        with urllib.request.urlopen(asked, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - the address is ours
            content: bytes = answer.read()
            return content
