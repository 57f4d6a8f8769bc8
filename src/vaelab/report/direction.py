"""Which runs a page shows first."""

from vaelab.evaluation.direction import better


def more_is_better(name: str) -> bool:
    """Whether a model with more of this figure is better; of the rate and the like, pages show less first."""
    return better(name) == "more"
