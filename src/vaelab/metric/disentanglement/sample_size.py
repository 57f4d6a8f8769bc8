"""The number of points that a score needs."""

from vaelab.errors import UserError


def require_points(score: str, num: int, needed: int, key: str = "num_points") -> None:
    """Raises UserError if a score has too few points; `key` is the setting that gives more."""
    if num < needed:
        raise UserError(
            f"{score} needs {needed} points, but has {num}; set evaluation.disentanglement.{key}={needed} or more,"
            " and no lower trainer.limit_test_batches or callbacks.evaluate.num_examples"
        )
