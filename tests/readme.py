"""Writes the tables of README.md and docs/ from conf/: python tests/readme.py"""

import re
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
README, EVALUATION = ROOT / "README.md", ROOT / "docs" / "evaluation.md"
BEGIN = "<!-- {name}: python tests/readme.py writes this table from conf/ -->\n"
END = "<!-- end of {name} -->\n"


def variants() -> str:
    """One row per file of conf/model: what its header says, its paper, and the parts that it chooses."""
    rows = ["| variant | what it is | paper | it chooses |", "|---|---|---|---|"]
    for path in choices("model"):
        text = path.read_text()
        parts = re.findall(r"- override /(\w+): (\S+)", text)
        chosen = ", ".join(f"`{group}={choice}`" for group, choice in parts) or "the defaults"
        rows.append(f"| `{path.stem}` | {header(text.splitlines()[1])} | {chosen} |")
    return "\n".join(rows) + "\n"


def measures() -> str:
    """One row per file of conf/evaluation: what its header says, and its paper."""
    rows = ["| evaluation | what it is | paper |", "|---|---|---|"]
    rows += [f"| `{path.stem}` | {header(path.read_text().splitlines()[0])} |" for path in choices("evaluation")]
    return "\n".join(rows) + "\n"


def choices(group: str) -> list[Path]:
    return sorted((ROOT / "conf" / group).glob("[!_]*.yaml"))


def header(line: str) -> str:
    """What a file is and its paper, as two cells."""
    what, _, paper = re.sub(r"\s{4,}", "\t", line.removeprefix("# ")).partition("\t")
    return " | ".join(text.replace("|", "\\|") for text in (what, paper))  # which would end a cell


def with_table(text: str, table: Callable[[], str]) -> str:
    """A page with one table as it should be."""
    begin, end = (mark.format(name=table.__name__) for mark in (BEGIN, END))
    before, rest = text.split(begin)
    return before + begin + table() + end + rest.split(end)[1]


TABLES = {README: variants, EVALUATION: measures}

if __name__ == "__main__":
    for page, table in TABLES.items():
        page.write_text(with_table(page.read_text(), table))
