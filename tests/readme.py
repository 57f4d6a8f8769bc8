"""Writes the tables of README.md from conf/: python tests/readme.py"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
MARKERS = "<!-- {}: python tests/readme.py writes this table from conf/ -->\n", "<!-- end of {} -->\n"


def variants() -> str:
    """One row per file of conf/model: what its header says, its paper, and the parts that it chooses."""
    rows = ["| variant | what it is | paper | it chooses |", "|---|---|---|---|"]
    for path in sorted((ROOT / "conf" / "model").glob("[!_]*.yaml")):
        text = path.read_text()
        what, paper = re.split(r"\s{4,}", text.splitlines()[1].removeprefix("# "), maxsplit=1)
        parts = re.findall(r"- override /(\w+): (\S+)", text)
        chosen = ", ".join(f"`{group}={choice}`" for group, choice in parts) or "the defaults"
        rows.append(f"| `{path.stem}` | {what} | {paper} | {chosen} |")
    return "\n".join(rows) + "\n"


def choices() -> str:
    """One row per group: the files in its folder."""
    rows = ["| group | choices |", "|---|---|"]
    for folder in sorted(path for path in (ROOT / "conf").iterdir() if path.is_dir() and path.name != "model"):
        names = sorted(path.stem for path in folder.glob("[a-z]*.yaml"))
        if names:
            rows.append(f"| `{folder.name}` | {', '.join(names)} |")
    return "\n".join(rows) + "\n"


def with_tables(readme: str) -> str:
    """The README with its tables as they should be."""
    for name, table in (("variants", variants()), ("choices", choices())):
        begin, end = (marker.format(name) for marker in MARKERS)
        before, rest = readme.split(begin)
        readme = before + begin + table + end + rest.split(end)[1]
    return readme


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text()))
