"""Makes every Python process with this folder on its path the next version: of all Lua libraries, and of the rules."""

import parkstream_visits
from parkstream_service.redis.functions import Library
from parkstream_visits import rules

VERSION = Library.version
Library.version = property(lambda library: VERSION.__get__(library) + 1)
parkstream_visits.RULES_VERSION = rules.RULES_VERSION = rules.RULES_VERSION + 1
