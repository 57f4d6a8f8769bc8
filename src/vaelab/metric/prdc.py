"""Precision, recall, density and coverage of samples against real images."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from vaelab.errors import UserError

BLOCK = 10**7  # distances in memory at a time
ENOUGH = 1000  # images of each kind; with fewer, the balls are too large to be informative


def prdc(samples: Float[Tensor, "M F"], real: Float[Tensor, "N F"], nearest_k: int) -> dict[str, float]:
    """Precision, recall, density and coverage, from balls whose radius is the distance to the k-th neighbour.

    precision   share of samples inside a ball of a real image
    recall      share of real images inside a ball of a sample
    density     mean number of real balls that a sample is inside, over k; may exceed 1
    coverage    share of real balls with a sample inside

    The first two are of Kynkäänniemi et al. 2019 (arXiv:1904.06991), the others of Naeem et al. 2020
    (arXiv:2002.09797), as in their code: points on the surface of a ball, such as the k-th neighbour itself, are
    outside. Distances are Euclidean, in float64; an image is not its own neighbour.

    Raises:
        UserError: an image would not have k neighbours.
    """
    num = min(len(samples), len(real))
    if num <= nearest_k:
        raise UserError(
            f"the {nearest_k} nearest neighbours of an image need more than {nearest_k} images, but there are {num};"
            f" set nearest_k={num - 1} or lower"
        )
    samples, real = samples.double(), real.double()
    edge = rounding(samples, real)
    radius, sample_radius = squared_radius(real, nearest_k) - edge, squared_radius(samples, nearest_k) - edge
    num_balls = torch.zeros(len(samples), dtype=torch.long, device=samples.device)
    recalled, covered = torch.zeros(2, len(real), dtype=torch.bool, device=real.device)
    for rows, distance in squared_distances(samples, real):
        inside = distance < radius
        num_balls[rows] = inside.sum(1)
        covered |= inside.any(0)
        recalled |= (distance < sample_radius[rows, None]).any(0)
    shares = {
        "precision": num_balls > 0,
        "recall": recalled,
        "density": num_balls.double() / nearest_k,
        "coverage": covered,
    }
    return {name: float(share.double().mean()) for name, share in shares.items()}


def squared_radius(features: Float[Tensor, "N F"], nearest_k: int) -> Float[Tensor, " N"]:
    """The squared distance of each row to its k-th nearest other row."""
    blocks = squared_distances(features, features)
    # The smallest distance is to the row itself.
    return torch.cat([distance.topk(nearest_k + 1, largest=False).values[:, -1] for _, distance in blocks])


def rounding(*features: Float[Tensor, "_ F"]) -> float:
    """Largest difference between equal squared distances, from rounding F terms as large as the largest."""
    squares = max(float(each.square().sum(1).max()) for each in features)
    return 4 * features[0].shape[1] * torch.finfo(torch.float64).eps * squares


def warn_of_few_images(num: int) -> str:
    """Why the shares of so few images are not informative; empty if there are enough."""
    if num >= ENOUGH:
        return ""
    return f"{num} images are few: the fewer, the wider the balls; take {ENOUGH} or more"


def squared_distances(
    a: Float[Tensor, "M F"], b: Float[Tensor, "N F"]
) -> Iterator[tuple[slice, Float[Tensor, "rows N"]]]:
    """|a - b|^2 of all pairs, computed in blocks of rows of `a`."""
    squares = b.square().sum(1)
    size = max(1, BLOCK // len(b))
    for start in range(0, len(a), size):
        some = a[start : start + size]
        distance = torch.addmm(squares, some, b.T, alpha=-2).add_(some.square().sum(1, keepdim=True))
        yield slice(start, start + len(some)), distance
