"""log p(x) by annealed importance sampling, with bounds that show its accuracy."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.latent_path import latent_path, require_annealable, sample_latents
from vaelab.evaluation.measurement import Measurement
from vaelab.latent.structure import LatentStructure
from vaelab.metric.annealed_importance import annealed_log_weight, sigmoid_schedule, tune_step_sizes
from vaelab.metric.bounds import importance_weighted_bound
from vaelab.metric.moments import Moments, Summary
from vaelab.ranges import NonNegativeFloat, PositiveFloat, PositiveInt
from vaelab.terms import Batch

Values = dict[str, Float[Tensor, " B"]]


@dataclass(frozen=True)
class AnnealedImportance:
    """`nll/ais<T>` in nats per example, `bce/ais<T>` for a pseudo-likelihood, with T = `num_temperatures`.

    The log of the mean weight of the chains is in expectation a lower bound on log p(x), so `nll/ais<T>` is an upper
    bound on -log p(x). Its accuracy is measured on images x ~ p(x|z) that the model generates: z is an exact sample of
    their posterior, and chains that run backward from it give an upper bound on log p(x). `ais/lower` and `ais/upper`
    are the two bounds and `ais/gap` is their difference, in nats          (bidirectional Monte Carlo, Grosse et al.
    2015, arXiv:1511.02543; for decoder models Wu et al. 2017, arXiv:1611.04273).

    Each temperature takes one HMC transition. Pilot chains tune its step size towards an acceptance of 0.65 and are
    discarded: the chains that are measured use fixed step sizes, so both bounds stay valid. `ais/acceptance` is the
    acceptance rate that results. Everything is computed in float32, also where the trainer uses a lower precision.

    Args:
        num_examples: number of examples, the first of the split, and of generated images.
        chunk: examples that run at a time, with all their chains; bounds the memory.
        start: distribution at which chains start, p(z) or q(z|x).
        num_temperatures: T, the number of annealing steps.
        num_chains: chains per example.
        num_pilots: chains per example that tune the step sizes.
        num_leapfrog: leapfrog steps per transition.
        step_size: initial leapfrog step size, > 0.
        tolerance: `ais/gap` in nats above which `nll/ais<T>` carries a warning.
    """

    num_examples: PositiveInt
    chunk: PositiveInt
    start: Literal["prior", "posterior"]
    num_temperatures: PositiveInt
    num_chains: PositiveInt
    num_pilots: PositiveInt
    num_leapfrog: PositiveInt
    step_size: PositiveFloat
    tolerance: NonNegativeFloat

    def __call__(self, context: EvaluationContext) -> list[Measurement]:
        latent = require_annealable(context.latent)
        latent_path(latent, context.dummy_batch(), self.start)  # fail on every rank before the first collective
        with torch.autocast(context.device.type, enabled=False):
            real, simulated = self.of_examples(context, latent), self.of_simulations(context, latent)
            return list(self.measurements(real.compute(), simulated.compute()))

    def of_examples(self, context: EvaluationContext, latent: LatentStructure) -> Moments:
        """Bounds on log p(x) of the split's examples."""
        moments = context.metric(Moments(["lower", "acceptance", "is_density"]))
        num = context.size(context.split, self.num_examples)
        for number in context.numbers(moments, -(-num // self.chunk), "examples"):
            indices = list(range(number * self.chunk, min((number + 1) * self.chunk, num)))
            batch = context.data.batch(context.split, indices)
            batch = context.data.transfer_batch_to_device(batch, context.device, 0)
            with context.seeded("ais", number):
                values = self.bounds(latent, batch)
            is_density = torch.full_like(values["lower"], latent.likelihood.is_density(batch.x))
            moments.update({**values, "is_density": is_density})
        return moments

    def of_simulations(self, context: EvaluationContext, latent: LatentStructure) -> Moments:
        """Bounds from both sides on log p(x) of generated x, equally many of each class."""
        moments = context.metric(Moments(["lower", "upper", "gap"]))
        index = torch.arange(context.limited(self.num_examples), device=context.device)
        parts = index.split(self.chunk)
        for number in context.numbers(moments, len(parts), "simulations"):
            with context.seeded("ais simulations", number):
                z, batch = simulate(latent, parts[number], context.data.num_classes)
                values = self.bounds(latent, batch, z)
            moments.update(values)
        return moments

    def bounds(self, latent: LatentStructure, batch: Batch, z: Float[Tensor, "B D"] | None = None) -> Values:
        """Lower bounds on log p(x) in nats, and upper bounds if `z` holds a sample of each true posterior."""
        path = latent_path(latent, batch, self.start)
        betas = sigmoid_schedule(self.num_temperatures).to(batch.x.device)
        sizes = tune_step_sizes(path, betas, self.num_pilots, self.step_size, self.num_leapfrog)
        forward, accepted = annealed_log_weight(path, path.draw(self.num_chains), betas, sizes, self.num_leapfrog)
        values = {"lower": importance_weighted_bound(forward), "acceptance": accepted.mean(0)}
        if z is not None:
            every = z.expand(self.num_chains, *z.shape)
            backward, _ = annealed_log_weight(path, every, betas.flip(0), sizes.flip(0), self.num_leapfrog)
            values["upper"] = -importance_weighted_bound(backward)
            values["gap"] = values["upper"] - values["lower"]
        return values

    def measurements(self, real: Summary, simulated: Summary) -> Iterator[Measurement]:
        """The bound with its standard error over examples, and the measurements of its accuracy."""
        name, chains, nats = f"ais{self.num_temperatures}", self.num_chains, "nats per example"
        warning, gap = "", float(simulated.mean("gap"))
        if gap > self.tolerance:
            warning = (
                f"the bounds on log p(x) of generated images are {gap:.2f} nats apart, more than "
                f"{self.tolerance:g}; raise evaluation.annealed_importance.num_temperatures"
            )
        value, error = -float(real.mean("lower")), float(real.error("lower"))
        kind = "nll" if real.mean("is_density") == 1 else "bce"
        yield Measurement(f"{kind}/{name}", value, nats, real.num, chains, error=error, warning=warning)
        for side in simulated.sums:
            value, error = float(simulated.mean(side)), float(simulated.error(side))
            yield Measurement(f"ais/{side}", value, nats, simulated.num, chains, error=error)
        acceptance = float(real.mean("acceptance"))
        yield Measurement("ais/acceptance", acceptance, "share of proposals", real.num, chains)


def simulate(latent: LatentStructure, index: Tensor, num_classes: int) -> tuple[Float[Tensor, "B D"], Batch]:
    """Draw z from p(z|y) and x from p(x|z,y); given x, z is a sample of the true posterior."""
    y = index % num_classes if latent.conditional else None
    prior = latent.prior(latent.condition(y, index.unsqueeze(1)))
    z = sample_latents(prior, 1, len(index))[0]
    return z, Batch(latent.decode(z, y).sample(), y, index)
