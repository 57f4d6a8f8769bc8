"""Valid names for Weights & Biases: an invalid name is replaced, so that it does not end the run."""

import logging
from collections.abc import Iterable

log = logging.getLogger(__name__)

RESERVED = "/\\#?%:;,'"  # not allowed in ids and project names
LONGEST = {"tag": 64, "id": 64, "project": 128, "group": 128, "name": 128}


def valid_name(kind: str, given: object) -> str | None:
    """A project, group, name or id that W&B accepts; None, for which W&B generates one, if nothing is left."""
    if given is None:
        return None
    text = str(given)
    if kind in ("project", "id"):
        text = "".join("-" if letter in RESERVED else letter for letter in text)
    text = text.strip()[: LONGEST[kind]].strip()
    if text != str(given):
        log.warning("W&B does not take %s '%s'; there it is '%s'", kind, given, text)
    return text or None


def valid_tags(given: object) -> tuple[str, ...]:
    """The tags that W&B accepts, without duplicates."""
    several = isinstance(given, Iterable) and not isinstance(given, str)
    tags: list[object] = [] if given is None else list(given) if several else [given]  # type: ignore[call-overload]
    valid = [tag for tag in tags if isinstance(tag, str | int | float) and 1 <= len(str(tag).strip()) <= LONGEST["tag"]]
    for tag in tags:
        if tag not in valid:
            log.warning("W&B takes tags of 1 to %d characters; tag '%s' is left out", LONGEST["tag"], tag)
    return tuple(dict.fromkeys(map(str, valid)))
