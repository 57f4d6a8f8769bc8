"""Writes the tables of README.md and docs/ from conf/: python tests/readme.py"""

import re
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README, VARIANTS, PARTS, EVALUATION = (
    ROOT / "README.md",
    *(DOCS / f"{name}.md" for name in ("variants", "parts", "evaluation")),
)
BEGIN = "<!-- {name}: python tests/readme.py writes this from conf/ -->\n"
END = "<!-- end of {name} -->\n"

# A variant belongs to the first family that names its base or a group that it chooses.
FAMILIES = {
    "Second stages": ["_second_stage"],
    "Conditional and semi-supervised": ["condition"],
    "Codebooks": ["codebook"],
    "Hierarchies": ["latent"],
    "Adversaries": ["adversary", "_adversarial"],
    "Objectives": ["objective"],
    "Posteriors": ["posterior"],
    "Priors": ["prior"],
    "Networks and likelihoods": ["decoder", "encoder", "likelihood"],
    "The plain VAE and how it is optimized": [],
}
SECOND, *OTHERS, PLAIN = FAMILIES
ORDER = [PLAIN, *OTHERS, SECOND]  # as readers meet them


def families() -> str:
    """One row per family, and the names of its variants."""
    rows = ["| family | `model=…` |", "|---|---|"]
    rows += [f"| {family} | {', '.join(f'`{path.stem}`' for path in paths)} |" for family, paths in grouped()]
    return "\n".join(rows) + "\n"


def variants() -> str:
    """For each family a row per file of conf/model: what its header says, its paper, and the parts that it chooses."""
    lines = []
    for family, paths in grouped():
        lines += [f"## {family}", "", "| variant | what it is | paper | it chooses |", "|---|---|---|---|"]
        for path in paths:
            chosen = ", ".join(f"`{part}={choice}`" for part, choice in chosen_parts(path)) or "the defaults"
            lines.append(f"| `{path.stem}` | {header(path)} | {chosen} |")
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def parts() -> str:
    """For each group of conf/ a row per choice: what its header says, and its paper."""
    lines = []
    for folder in sorted(path for path in (ROOT / "conf").iterdir() if path.is_dir()):
        if folder.name not in ("model", "evaluation", "hydra"):  # a page each, and what belongs to Hydra
            lines += [f"## {folder.name}", "", f"| `{folder.name}=…` | what it is | paper |", "|---|---|---|"]
            lines += [f"| `{path.stem}` | {header(path)} |" for path in choices(folder.name)]
            lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def measures() -> str:
    """One row per file of conf/evaluation: what its header says, and its paper."""
    rows = ["| `evaluation=…` | what it is | paper |", "|---|---|---|"]
    rows += [f"| `{path.stem}` | {header(path)} |" for path in choices("evaluation")]
    return "\n".join(rows) + "\n"


def grouped() -> list[tuple[str, list[Path]]]:
    """The families that have variants, in order."""
    by_family = {family: [path for path in choices("model") if family_of(path) == family] for family in ORDER}
    return [(family, paths) for family, paths in by_family.items() if paths]


def family_of(path: Path) -> str:
    base = re.findall(r"^  - (\w+)$", path.read_text(), flags=re.M)
    keys = {part for part, _ in chosen_parts(path)}.union(base)
    return next((family for family, names in FAMILIES.items() if keys.intersection(names)), PLAIN)


def chosen_parts(path: Path) -> list[tuple[str, str]]:
    return re.findall(r"- override /(\w+): (\S+)", path.read_text())


def choices(group: str) -> list[Path]:
    return sorted((ROOT / "conf" / group).glob("[!_]*.yaml"))


def header(path: Path) -> str:
    """What a file is and its paper, as two cells."""
    line = next(line for line in path.read_text().splitlines() if re.match("# [^@]", line))
    what, _, paper = re.sub(r"\s{4,}", "\t", line.removeprefix("# ")).partition("\t")
    paper = re.sub(r"arXiv:([\d.]+\d)", r"[arXiv:\1](https://arxiv.org/abs/\1)", paper)
    what = re.sub(r"<([^>]*)>", r"&lt;\1&gt;", what)  # which would be a tag
    return " | ".join(text.replace("|", "\\|") for text in (what, paper))  # which would end a cell


def with_table(text: str, table: Callable[[], str]) -> str:
    """A page with one table as it should be."""
    begin, end = (mark.format(name=table.__name__) for mark in (BEGIN, END))
    before, rest = text.split(begin)
    return before + begin + "\n" + table() + "\n" + end + rest.split(end)[1]


TABLES = {README: families, VARIANTS: variants, PARTS: parts, EVALUATION: measures}

if __name__ == "__main__":
    for page, table in TABLES.items():
        page.write_text(with_table(page.read_text(), table))
