"""Pages and run folders that several tests share."""

import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from vaelab.storage.status import Status, write_status

HOSTILE = "a<b & \"c\" 'd' </script><script>alert(1)</script> {{ 7 * 7 }} ${x}"
# Elements and attributes through which a page could load something.
LOADING = {"src", "href", "srcset", "data", "poster", "action", "formaction", "background"}


class Parsed(HTMLParser):
    """The text, elements and addresses of a page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.inside = ""
        self.scripts: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside = tag if tag in ("script", "style") else ""
        self.text += " " if tag in ("td", "th", "div") else ""
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.scripts[-1] += data
        elif not self.inside:
            self.text += data

    @property
    def words(self) -> str:
        """The text with single blanks."""
        return re.sub(r"\s+", " ", self.text)

    @property
    def addresses(self) -> list[str]:
        """What elements load or lead to."""
        return [value or "" for _, keys in self.elements for key, value in keys.items() if key in LOADING]

    @property
    def data(self) -> dict[str, Any]:
        """What report.js reads."""
        return json.loads(next(one for one in self.scripts if one.startswith("{")))


def is_inside(address: str) -> bool:
    """Whether an address is of the page itself, or a relative one."""
    return address.startswith("data:") or not re.match(r"[a-z]+:|//|/", address)


def write_run(folder: Path, overrides: Sequence[str], figures: dict[str, float], state: str = "finished") -> Path:
    """A run folder as a job of a sweep leaves it, without its weights."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("model:\ndata:\nchoices:\n")
    write_status(folder, Status(state, tuple(overrides), "out of memory" if state == "failed" else ""))
    if figures:
        (folder / "results.json").write_text(json.dumps({name: {"value": value} for name, value in figures.items()}))
    return folder
