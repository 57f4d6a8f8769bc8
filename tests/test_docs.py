"""Pages rank variants only by several seeds."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def test_families_are_only_ranked_by_three_seeds() -> None:
    text = (DOCS / "families.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows
    spread = all(len(re.findall(r"±", row)) == 3 for row in rows)
    assert spread or "no order is claimed" in text
    recipe = (DOCS.parent / "conf" / "experiment" / "mnist_families.yaml").read_text()
    assert re.search(r"seed: \d+,\d+,\d+", recipe)


def test_every_score_of_disentanglement_is_defined() -> None:
    text = (DOCS / "evaluation.md").read_text()
    recipe = (DOCS.parent / "conf" / "evaluation" / "disentanglement.yaml").read_text()
    (scores,) = re.findall(r"scores: \[(.*)\]", recipe)
    for score in scores.split(", "):
        assert re.search(rf"^\| `{score}(/…)?` \|", text, flags=re.M), score
