"""From the definitions to the files that the provisioner applies."""

import json
from pathlib import Path
from typing import Final

from parkstream_definitions.alerts import RULES
from parkstream_definitions.boards import BOARDS
from parkstream_definitions.figures import Json
from parkstream_definitions.funnels import FUNNELS
from parkstream_definitions.names import known
from parkstream_definitions.rules import CHANNEL
from parkstream_definitions.views import VIEWS

WEBHOOK: Final = "${PARKSTREAM_ALERT_WEBHOOK_URL:-http://signoz-provision:8005/alerts}"
CHANNELS: Final[dict[str, Json]] = {
    "on-call": {"name": CHANNEL, "webhook_configs": [{"send_resolved": True, "url": WEBHOOK}]}
}
RETENTION: Final[Json] = {"logs_days": 7, "traces_hours": 168, "metrics_hours": 720}


def documents() -> dict[str, Json]:
    """Return all that is applied, by path below signoz/."""
    found = {f"channels/{name}.json": body for name, body in CHANNELS.items()}
    found |= {f"dashboards/{board.name}.json": board.as_json() for board in BOARDS}
    found |= {f"rules/{rule.name}.json": rule.as_json() for rule in RULES}
    found |= {f"views/{view.name}.json": view.as_json() for view in VIEWS}
    found |= {f"funnels/{funnel.name}.json": funnel.as_json() for funnel in FUNNELS}
    return found | {"names.json": known(), "retention.json": RETENTION}


def differing(folder: Path) -> list[str]:
    """Return the files in *folder* that are missing, stale, or nobody's."""
    wanted = {path: _text(body) for path, body in documents().items()}
    there = {str(path.relative_to(folder)): path for kind in _kinds() for path in folder.glob(f"{kind}/*.json")}
    stale = [path for path, text in wanted.items() if _read(folder / path) != text]
    return sorted({*stale, *(there.keys() - wanted.keys())})


def write(folder: Path) -> None:
    """Make *folder* hold just what is defined."""
    for path in differing(folder):
        (folder / path).unlink(missing_ok=True)
    for path, body in documents().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(_text(body), encoding="utf-8")


def _kinds() -> set[str]:
    return {path.partition("/")[0] for path in documents() if "/" in path}


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _text(body: Json) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"
