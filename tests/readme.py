"""Writes the table of variants in README.md from conf/: python tests/readme.py"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BEGIN = "<!-- variants: python tests/readme.py writes this table from conf/ -->\n"
END = "<!-- end of variants -->\n"


def variants() -> str:
    """One row per file of conf/model: what its header says, its paper, and the parts that it chooses."""
    rows = ["| variant | what it is | paper | it chooses |", "|---|---|---|---|"]
    for path in sorted((ROOT / "conf" / "model").glob("[!_]*.yaml")):
        text = path.read_text()
        what, paper = re.split(r"\s{4,}", text.splitlines()[1].removeprefix("# "), maxsplit=1)
        what = what.replace("|", "\\|")  # which would end the cell
        parts = re.findall(r"- override /(\w+): (\S+)", text)
        chosen = ", ".join(f"`{group}={choice}`" for group, choice in parts) or "the defaults"
        rows.append(f"| `{path.stem}` | {what} | {paper} | {chosen} |")
    return "\n".join(rows) + "\n"


def with_table(readme: str) -> str:
    """The README with its table as it should be."""
    before, rest = readme.split(BEGIN)
    return before + BEGIN + variants() + END + rest.split(END)[1]


if __name__ == "__main__":
    README.write_text(with_table(README.read_text()))
