"""The number of points that a score needs."""

from vaelab.errors import UserError


def require_points(score: str, num: int, needed: int, key: str = "num_points") -> None:
    """Check that a score has enough points; `key` is the setting that gives more.

    Raises:
        UserError: there are so few points that chance would dominate the score.
    """
    if num < needed:
        raise UserError(
            f"{score} needs {needed} points, but has {num}; set evaluation.disentanglement.{key}={needed} or more,"
            " and no lower trainer.limit_test_batches or callbacks.evaluate.num_examples"
        )
