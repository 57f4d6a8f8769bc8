"""Writes a self-contained HTML page: its style, its scripts, its charts and its pictures are inside."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from vaelab.report.number import format_number
from vaelab.report.vega_bundle import vega_bundle
from vaelab.storage.atomic import write
from vaelab.version import __version__

HERE = Path(__file__).parent
NAME = "report.html"  # in the folder of a run, of a sweep, or of a comparison


def write_page(path: Path, template: str, title: str, content: Mapping[str, Any], data: Mapping[str, Any]) -> Path:
    """Render a template into a file, atomically, and return its path.

    Args:
        path: the file.
        template: its name in templates/, which extends page.html.
        title: of the page.
        content: the template's variables; text is escaped.
        data: what report.js draws, as JSON: `charts`, specs of Vega-Lite by name, and `sheets`, pictures by name.
    """
    page = (
        environment()
        .get_template(template)
        .render(
            **content,
            title=title,
            version=__version__,
            style=inline("report.css"),
            script=inline("report.js"),
            bundle=Markup(vega_bundle()) if data.get("charts") else "",
            data=as_script(data),
        )
    )
    write(path, page)
    return path


@cache
def environment() -> Environment:
    """Templates that escape every text, and fail where a variable is missing."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["figure"] = format_number
    return made


def inline(name: str) -> Markup:
    """A file of static/, to stand inside a style or script element."""
    return Markup((HERE / "static" / name).read_text())


def as_script(data: Mapping[str, Any]) -> Markup:
    """JSON to stand inside a script element, which no text in it can end."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
