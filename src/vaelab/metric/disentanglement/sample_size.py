"""When there are too few points for a score."""

from vaelab.errors import UserError


def require_points(score: str, num: int, needed: int, key: str = "num_points") -> None:
    """Refuses a score of `num` codes that needs more of them, which `key` would give.

    Raises:
        UserError: chance would decide what the score is.
    """
    if num < needed:
        raise UserError(
            f"{score} needs {needed} points, but has {num}; set evaluation.disentanglement.{key}={needed} or more,"
            " and no lower trainer.limit_test_batches or callbacks.evaluate.num_examples"
        )
