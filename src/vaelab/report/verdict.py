"""The checklist of a run, and its verdict in one line."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vaelab.report.number import format_number


@dataclass(frozen=True)
class Check:
    """One line of health.json; `verdict` is passed, failed or not applicable."""

    name: str
    verdict: str
    message: str
    value: str
    details: str


@dataclass(frozen=True)
class Verdict:
    """What the checklist says in one line; `kind` is good, bad or unknown."""

    kind: str
    sentence: str
    checks: tuple[Check, ...]


def read_verdict(health: Path) -> Verdict:
    """The verdict of a health.json; a run without one was not checked."""
    try:
        checks = tuple(check_of(name, keys) for name, keys in json.loads(health.read_text()).items())
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        checks = ()
    return Verdict(*summarize(checks), checks)


def summarize(checks: tuple[Check, ...]) -> tuple[str, str]:
    """The kind of a verdict, and its sentence."""
    applicable = [one for one in checks if one.verdict != "not applicable"]
    failed = [one.name for one in applicable if one.verdict == "failed"]
    if not applicable:
        return "unknown", "The checklist was not run."
    if failed:
        return "bad", f"{len(failed)} of {len(applicable)} checks failed: {', '.join(failed)}."
    return "good", f"All {len(applicable)} checks passed."


def check_of(name: str, keys: dict[str, Any]) -> Check:
    value = "" if keys["value"] is None else f"{format_number(keys['value'], 3)} {keys['unit']}"
    details = ", ".join(f"{key} {format_number(number, 3)}" for key, number in keys["details"].items())
    return Check(name, keys["verdict"], keys["message"], value, details)
