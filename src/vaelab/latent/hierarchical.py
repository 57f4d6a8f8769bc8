"""Several levels of latent vectors, drawn from the top down."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.distributions import Distribution

from vaelab.distribution.operations import center, with_temperature
from vaelab.latent.hierarchy.temperature import per_level
from vaelab.latent.level import collect_terms, repeat_samples, score_latent, split_samples
from vaelab.latent.prior import PriorFactory, build_prior
from vaelab.latent.structure import LatentStructure
from vaelab.protocol import Condition, Density
from vaelab.ranges import PositiveInt
from vaelab.terms import Batch, Terms

Choose = Callable[[int, Any, Tensor], Tensor]  # number of a rung, the rung, its state [N, …] -> z [N, D]


class Hierarchical(LatentStructure):
    """p(z_1) prod_l p(z_l | z_<l) p(x | z) and q(z_1 | x) prod_l q(z_l | z_<l, x), z_1 being the top.

    `levels` makes the networks: `infer(x, c)` once per example gives q(z_1 | x) and what each rung below sees
    of x, and from `start` through the `rungs` to `output` a sample comes down. A code is all levels side by side.
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
        facts = {"infer": lambda x, y: self.infer(x, y)[0], "condition_size": condition.size}
        self.prior = build_prior(prior, self, facts)
        self.likelihood = likelihood

    def infer(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None) -> tuple[Distribution, list[Tensor]]:
        """q(z_1 | x, y) and what each rung sees of x: the only place where the encoder runs."""
        return self.levels.infer(x, self.condition(y, x))

    def descend(self, z: Float[Tensor, "N D"], c: Float[Tensor, "N Y"], choose: Choose) -> tuple[list[Tensor], Tensor]:
        """The latents of all levels, from that of the top on, and the last state."""
        latents, state = [z], self.levels.start(z, c)
        for number, rung in enumerate(self.levels.rungs):
            latents.append(choose(number, rung, state))
            state = rung.step(state, latents[-1])
        return latents, state

    def score(self, batch: Batch, inferred: tuple[Distribution, list[Tensor]], num_samples: int) -> Terms:
        """Draw S latents of every level, those below the top given those above, and score them."""
        (top, bottom_up), c = inferred, self.condition(batch.y, batch.x)
        bottom_up = [repeat_samples(each, num_samples) for each in bottom_up]
        shape = torch.Size([num_samples, len(batch.x)])
        levels = [score_latent(top, self.prior(c), num_samples)]

        def scored(number: int, rung: Any, state: Tensor) -> Tensor:
            prior = rung.prior(state)
            level = score_latent(rung.posterior(state, bottom_up[number], prior), prior, 1)
            levels.append(split_samples(level, shape))
            return level.z.squeeze(0)

        c = repeat_samples(c, num_samples)
        _, state = self.descend(levels[0].z.flatten(0, 1), c, scored)
        p_x = self.likelihood(self.levels.output(state, c).unflatten(0, shape))
        return collect_terms(levels, p_x.log_prob(batch.x), batch.x)

    def encode(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None) -> Float[Tensor, "B D"]:
        """The posterior's centers, each level given those above."""
        top, bottom_up = self.infer(x, y)
        middle: Choose = lambda number, rung, state: center(rung.posterior(state, bottom_up[number], rung.prior(state)))  # noqa: E731
        return torch.cat(self.descend(center(top), self.condition(y, x), middle)[0], 1)

    def generate(self, z: Float[Tensor, "N D"], c: Float[Tensor, "N Y"]) -> Float[Tensor, "N P *event"]:
        top, *below = z.split(self.levels.sizes, 1)
        _, state = self.descend(top, c, lambda number, rung, state: below[number])
        return self.levels.output(state, c)

    def join_levels(self, latents: Sequence[Tensor]) -> Float[Tensor, "S B D"]:
        """The latents of all levels side by side, the top level first."""
        return torch.cat(list(latents), -1)

    def draw(
        self, n: int, y: Int[Tensor, " n"] | None, temperature: float | Sequence[float] = 1.0
    ) -> Float[Tensor, "n D"]:
        """n latents, the scale of each level's prior multiplied by its temperature, the top's first."""
        first, *rest = per_level(temperature, self.num_levels)
        z = self.draw_prior(n, y, first)
        ancestral: Choose = lambda number, rung, state: with_temperature(rung.prior(state), rest[number]).sample()  # noqa: E731
        return torch.cat(self.descend(z, self.condition(y, z), ancestral)[0], 1)
