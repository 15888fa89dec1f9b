"""Downloads a wheel of pip, which can run without being installed, and checks that it is what it was."""  # noqa: INP001

import hashlib
import json
import sys
import urllib.parse
import urllib.request
from pathlib import Path

INDEX = "https://pypi.org/pypi/pip/26.3/json"
SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"

with urllib.request.urlopen(INDEX) as answer:
    files = json.load(answer)["urls"]
wheel = next(file["url"] for file in files if file["packagetype"] == "bdist_wheel")
with urllib.request.urlopen(urllib.parse.urljoin(INDEX, wheel)) as answer:  # noqa: S310 - the index names it
    content = answer.read()
if hashlib.sha256(content).hexdigest() != SHA256:
    sys.exit(f"{wheel} is not what it was: expected the SHA-256 {SHA256}")
Path(sys.argv[1]).write_bytes(content)
