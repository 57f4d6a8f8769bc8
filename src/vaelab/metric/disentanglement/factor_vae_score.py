"""The FactorVAE score: whether the dimension of least variance identifies the fixed factor."""

import numpy as np
from jaxtyping import Float, Int

from vaelab.metric.disentanglement.sample_size import require_points

MARGIN = 2  # mean number of points per value over group_size, so that few values have too few


def factor_vae_score(
    codes: Float[np.ndarray, "N D"], factors: Int[np.ndarray, "N F"], num_votes: int, group_size: int, seed: int
) -> float:
    """Accuracy of the majority vote from a dimension to a factor; 1/F by chance.

    A vote is the dimension with the smallest variance, relative to that of all points, in a group of points that agree
    in one factor          (Kim & Mnih 2018, arXiv:1802.05983, section 4). Groups are drawn from the given points: the
    first half trains the majority vote, the second half tests it. The caller must remove dimensions that do not vary.
    """
    num_values = max(len(np.unique(column)) for column in factors.T)
    require_points("factor_vae_score", len(codes), 2 * MARGIN * group_size * num_values)
    random = np.random.default_rng(seed)
    scaled = codes / codes.std(0)
    learned, asked = (
        votes(scaled[half], factors[half], num_votes, group_size, random)
        for half in np.array_split(np.arange(len(codes)), 2)
    )
    majority = learned.argmax(1)
    return float(asked[np.arange(len(asked)), majority].sum() / asked.sum())


def votes(
    scaled: Float[np.ndarray, "N D"],
    factors: Int[np.ndarray, "N F"],
    num_votes: int,
    group_size: int,
    random: np.random.Generator,
) -> Int[np.ndarray, "D F"]:
    """Counts [D, F] of how often dimension d varied least when factor f was fixed."""
    members = [[np.flatnonzero(column == value) for value in np.unique(column)] for column in factors.T]
    # By chance, some values have too few points for a group.
    members = [[points for points in of_factor if len(points) >= group_size] for of_factor in members]
    counts = np.zeros((scaled.shape[1], factors.shape[1]), dtype=int)
    for factor in random.integers(factors.shape[1], size=num_votes):
        agreeing = members[factor][random.integers(len(members[factor]))]
        group = random.choice(agreeing, group_size, replace=False)
        counts[scaled[group].var(0).argmin(), factor] += 1
    return counts
