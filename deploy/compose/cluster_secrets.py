"""What compose.cluster.yaml needs: a folder of secrets for each mall, and one of what the servers share.

Users are called MALL.SERVICE: in RabbitMQ they are of their mall's vhost, in Redis they reach the keys of their mall.
"""

import json
from pathlib import Path
from typing import Any

from make_secrets import OF_SERVERS, Files, Secrets, acl_lines, hexadecimal, rabbitmq_hash

NODES = ",".join(f"rabbitmq-{number}:5672" for number in (1, 2, 3))
SENTINELS = ",".join(f"sentinel-{number}:26379" for number in (1, 2, 3))
REDIS = f"redis+sentinel://{{}}@{SENTINELS}/parkstream"
"""What the Sentinels call the primary is the last part."""
ASK = "+sentinel|masters +sentinel|replicas +sentinel|ckquorum"
OF_SENTINELS = """\
user default on nopass resetkeys resetchannels -@all +ping +client|setname {ask}
user health on nopass resetkeys resetchannels -@all +ping
user sentinel on #{digest} resetkeys allchannels +@all"""
"""Whoever reaches a Sentinel may ask where the primary is, and nothing else; among each other they may do all."""


class Cluster(Files):
    """The secrets of *malls* in *folder*, and those of their servers in its folder ``cluster``."""

    def __init__(self, folder: Path, malls: "list[str]") -> None:
        super().__init__(folder / "cluster")
        self._malls = {mall: Secrets(folder / mall, mall, NODES, REDIS) for mall in malls}

    def all(self) -> "list[str]":
        """Make what is missing, derive the rest, and return the names of what was made."""
        for name in ("erlang_cookie", "rabbitmq_password_admin", *map("redis_password_{}".format, OF_SERVERS)):
            self.kept(name, hexadecimal)
        self.write("redis_url_loader", REDIS.format(f"loader:{self.read('redis_password_loader')}"))
        made = [f"{self.name}/{name}" for name in self.made]
        made += [f"{mall}/{name}" for mall, its in self._malls.items() for name in its.all()]
        self.write("rabbitmq_definitions.json", self._definitions())
        self.write("redis_users.acl", "\n".join(self._users()))
        self.write("sentinel_users.acl", OF_SENTINELS.format(ask=ASK, digest=self.digest("redis_password_sentinel")))
        return made

    def _definitions(self) -> str:
        """Return those of all malls, and one administrator of the nodes."""
        admin = {"name": "admin", "tags": ["administrator"]}
        together: dict[str, list[Any]] = {
            "users": [{**admin, "password_hash": rabbitmq_hash(self.read("rabbitmq_password_admin"))}]
        }
        for mall, its in self._malls.items():
            for kind, those in json.loads(its.read("rabbitmq_definitions.json")).items():
                together.setdefault(kind, []).extend(those)
            rights = {"configure": ".*", "write": ".*", "read": ".*"}
            together["permissions"].append({"user": "admin", "vhost": mall, **rights})
        return json.dumps(together, indent=2)

    def _users(self) -> "list[str]":
        """Return the users of the servers, then those of all malls, each with its rules."""
        shared = acl_lines()
        for user in OF_SERVERS:
            shared[user] = shared[user].replace(f"#<{user}>", f"#{self.digest(f'redis_password_{user}')}")
        users = [line for line in shared.values() if "#<" not in line]
        return [*users, *(its.read("redis_users.acl") for its in self._malls.values())]
