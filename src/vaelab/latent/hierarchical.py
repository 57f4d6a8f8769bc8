"""Several levels of latent vectors, sampled from the top down."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.distributions import Distribution

from vaelab.distribution.operations import center, with_temperature
from vaelab.latent.hierarchy.temperature import temperature_per_level
from vaelab.latent.prior import PriorFactory, build_prior
from vaelab.latent.scored_latent import collect_terms, repeat_samples, score_latent, split_samples
from vaelab.latent.structure import LatentStructure
from vaelab.protocol import Condition, Density
from vaelab.ranges import PositiveInt
from vaelab.terms import Batch, Terms

Choose = Callable[[int, Any, Tensor], Tensor]  # number of a rung, the rung, its state [N, …] -> z [N, D]


class Hierarchical(LatentStructure):
    """p(z_1) prod_l p(z_l | z_<l) p(x | z) and q(z_1 | x) prod_l q(z_l | z_<l, x), z_1 being the top.

    `levels` builds the networks. Its `infer(x, c)` runs once per example and gives q(z_1 | x) and the features for each
    rung below; a sample goes from `start` through the `rungs` to `output`. A code z is the concatenation of all levels.

    Args:
        num_levels: L.
        condition: y -> [B, Y].
        prior: p(z_1 | y), or a factory of it.
        levels: factory of the networks, such as Cascade, dense_ladder or conv_ladder.
        likelihood: decoder parameters -> p(x | z, y).
    """

    def __init__(
        self,
        num_levels: PositiveInt,
        condition: Condition,
        prior: nn.Module | PriorFactory,
        levels: Callable[..., Any],
        likelihood: Density,
    ) -> None:
        super().__init__()
        self.num_levels = num_levels
        self.condition = condition
        self.levels = levels(
            num_levels=num_levels, condition_size=condition.size, num_parameters=likelihood.num_parameters
        )
        arguments = {"infer": lambda x, y: self.infer(x, y)[0], "condition_size": condition.size}
        self.prior = build_prior(prior, self, arguments)
        self.likelihood = likelihood

    def infer(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None) -> tuple[Distribution, list[Tensor]]:
        """q(z_1 | x, y) and the bottom-up features of each rung. Only here does the encoder run."""
        return self.levels.infer(x, self.condition(y, x))

    def descend(self, z: Float[Tensor, "N D"], c: Float[Tensor, "N Y"], choose: Choose) -> tuple[list[Tensor], Tensor]:
        """The latents of all levels, the top first, and the last state."""
        latents, state = [z], self.levels.start(z, c)
        for number, rung in enumerate(self.levels.rungs):
            latents.append(choose(number, rung, state))
            state = rung.step(state, latents[-1])
        return latents, state

    def score(self, batch: Batch, inferred: tuple[Distribution, list[Tensor]], num_samples: int) -> Terms:
        """Draw S latents of every level, each given the levels above it, and score them."""
        (top, bottom_up), c = inferred, self.condition(batch.y, batch.x)
        bottom_up = [repeat_samples(each, num_samples) for each in bottom_up]
        shape = torch.Size([num_samples, len(batch.x)])
        levels = [score_latent(top, self.prior(c), num_samples)]

        def score_rung(number: int, rung: Any, state: Tensor) -> Tensor:
            prior = rung.prior(state)
            level = score_latent(rung.posterior(state, bottom_up[number], prior), prior, 1)
            levels.append(split_samples(level, shape))
            return level.z.squeeze(0)

        c = repeat_samples(c, num_samples)
        _, state = self.descend(levels[0].z.flatten(0, 1), c, score_rung)
        p_x = self.likelihood(self.levels.output(state, c).unflatten(0, shape))
        return collect_terms(levels, p_x.log_prob(batch.x), batch.x)

    def encode(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None) -> Float[Tensor, "B D"]:
        """The posterior's centers, each level given the levels above it."""
        top, bottom_up = self.infer(x, y)

        def choose_center(number: int, rung: Any, state: Tensor) -> Tensor:
            return center(rung.posterior(state, bottom_up[number], rung.prior(state)))

        return torch.cat(self.descend(center(top), self.condition(y, x), choose_center)[0], 1)

    def generate(self, z: Float[Tensor, "N D"], c: Float[Tensor, "N Y"]) -> Float[Tensor, "N P *event"]:
        top, *below = z.split(self.levels.sizes, 1)
        _, state = self.descend(top, c, lambda number, rung, state: below[number])
        return self.levels.output(state, c)

    def join_levels(self, latents: Sequence[Tensor]) -> Float[Tensor, "S B D"]:
        """The concatenated latents of all levels, the top level first."""
        return torch.cat(list(latents), -1)

    def draw(
        self, n: int, y: Int[Tensor, " n"] | None, temperature: float | Sequence[float] = 1.0
    ) -> Float[Tensor, "n D"]:
        """n latents; the scale of each level's prior is multiplied by its temperature, the top first."""
        first, *rest = temperature_per_level(temperature, self.num_levels)
        z = self.draw_prior(n, y, first)

        def choose_sample(number: int, rung: Any, state: Tensor) -> Tensor:
            return with_temperature(rung.prior(state), rest[number]).sample()

        return torch.cat(self.descend(z, self.condition(y, z), choose_sample)[0], 1)
