"""The FactorVAE score: whether the dimension that varies least tells which factor was held fixed."""

import numpy as np
from jaxtyping import Float, Int

from vaelab.metric.disentanglement.sample_size import require_points

MARGIN = 2  # on average, points of a value for each that a group takes: few values fall short then


def factor_vae_score(
    codes: Float[np.ndarray, "N D"], factors: Int[np.ndarray, "N F"], num_votes: int, group_size: int, seed: int
) -> float:
    """Accuracy of the majority vote from a dimension to a factor; 1/F by chance.

    A vote is the dimension of the least variance, relative to that of all points, in a group of points that agree
    in one factor          (Kim & Mnih 2018, arXiv:1802.05983, section 4). Groups are drawn from the points at hand:
    those of the first half make the majority, as many of the second are judged by it. Dimensions that never vary
    are for the caller to leave out.
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
    """How often each dimension varied least when each factor was fixed."""
    members = [[np.flatnonzero(column == value) for value in np.unique(column)] for column in factors.T]
    # Chance gives some values fewer points than a group takes.
    members = [[points for points in of_factor if len(points) >= group_size] for of_factor in members]
    counts = np.zeros((scaled.shape[1], factors.shape[1]), dtype=int)
    for factor in random.integers(factors.shape[1], size=num_votes):
        agreeing = members[factor][random.integers(len(members[factor]))]
        group = random.choice(agreeing, group_size, replace=False)
        counts[scaled[group].var(0).argmin(), factor] += 1
    return counts
