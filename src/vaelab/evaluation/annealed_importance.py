"""log p(x) by annealed importance sampling, and how far to believe it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.latent_path import latent_path, require_annealable, sample_latents
from vaelab.evaluation.measurement import Measurement
from vaelab.latent.structure import LatentStructure
from vaelab.metric.annealed_importance import annealed_log_weight, sigmoid_schedule, tuned_step_sizes
from vaelab.metric.bounds import importance_weighted_bound
from vaelab.ranges import NonNegativeFloat, PositiveFloat, PositiveInt
from vaelab.terms import Batch

Values = dict[str, Float[Tensor, " B"]]


class ExampleMeans(Metric):
    """Means over all examples of all processes of several numbers that each has, and their standard errors.

    And whether the likelihood was a density of every x.
    """

    full_state_update = False
    num: Tensor
    totals: Tensor
    squares: Tensor
    pseudo: Tensor

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        self.set_dtype(torch.float64)
        for name in ("num", "pseudo"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        for name in ("totals", "squares"):
            self.add_state(name, torch.zeros(len(names), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, values: Mapping[str, Float[Tensor, " B"]], is_density: bool) -> None:
        columns = torch.stack([values[name].double() for name in self.names])
        self.num += columns.shape[1]
        self.totals += columns.sum(1)
        self.squares += columns.square().sum(1)
        self.pseudo += not is_density

    def compute(self) -> tuple[dict[str, tuple[float, float]], int, bool]:
        """Of each name mean and error; the number of examples behind them; whether every x had a density."""
        means = self.totals / self.num
        variances = (self.squares / self.num - means.square()).clamp(min=0) / (self.num - 1).clamp(min=1)
        pairs = zip(means.tolist(), variances.sqrt().tolist(), strict=True)
        return dict(zip(self.names, pairs, strict=True)), int(self.num), not self.pseudo


@dataclass(frozen=True)
class AnnealedImportance:
    """`nll/ais<T>` in nats per example, `bce/ais<T>` for a pseudo-likelihood, of the first `num_examples` of a split.

    T = `num_temperatures`. The log of the mean weight of `num_chains` chains is in expectation a lower bound on
    log p(x), so the published number is an upper one on its negative. What it misses shows on as many images that the
    model makes itself, x ~ p(x|z): there z is an exact sample of the posterior, and chains that go from it back to
    the start bound log p(x) from above. `ais/lower` and `ais/upper` enclose the truth, and `ais/gap` above
    `tolerance` nats makes a warning of `nll/ais<T>`    (bidirectional Monte Carlo, Grosse et al. 2015,
    arXiv:1511.02543; on models like these Wu et al. 2017, arXiv:1611.04273).

    Each temperature takes one transition of `num_leapfrog` steps, whose size starts at `step_size` and is tuned
    towards an acceptance of 0.65 by `num_pilots` chains of each example, which are then thrown away: forward and
    backward chains use these sizes as they are, so adaptation leaves both bounds bounds. `ais/acceptance` is what
    came of it. All is float32, whatever the trainer's precision: energies of hundreds of nats decide by fractions
    of one. `chunk` examples run at a time, all their chains at once, which bounds the memory.
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
        latent_path(latent, context.dummy_batch(), self.start)  # what it refuses, all processes refuse
        with torch.autocast(context.device.type, enabled=False):
            return list(self.measurements(self.of_examples(context, latent), self.of_simulations(context, latent)))

    def of_examples(self, context: EvaluationContext, latent: LatentStructure) -> ExampleMeans:
        """Bounds on log p(x) of the split's examples."""
        means = context.metric(ExampleMeans(["lower", "acceptance"]))
        num = context.size(context.split, self.num_examples)
        for number in context.numbers(means, -(-num // self.chunk), "examples"):
            indices = list(range(number * self.chunk, min((number + 1) * self.chunk, num)))
            batch = context.data.batch(context.split, indices)
            batch = context.data.transfer_batch_to_device(batch, context.device, 0)
            with context.seeded("ais", number):
                values = self.bounds(latent, batch)
            means.update(values, latent.likelihood.is_density(batch.x))
        return means

    def of_simulations(self, context: EvaluationContext, latent: LatentStructure) -> ExampleMeans:
        """Bounds from both sides on log p(x) of the model's own x, equally many of each class."""
        means = context.metric(ExampleMeans(["lower", "upper", "gap"]))
        index = torch.arange(context.limited(self.num_examples), device=context.device)
        parts = index.split(self.chunk)
        for number in context.numbers(means, len(parts), "simulations"):
            with context.seeded("ais simulations", number):
                z, batch = simulated(latent, parts[number], context.data.num_classes)
                values = self.bounds(latent, batch, z)
            means.update(values, is_density=True)
        return means

    def bounds(self, latent: LatentStructure, batch: Batch, z: Float[Tensor, "B D"] | None = None) -> Values:
        """On log p(x): from below, and from above where a sample of each true posterior is given."""
        path = latent_path(latent, batch, self.start)
        betas = sigmoid_schedule(self.num_temperatures).to(batch.x.device)
        sizes = tuned_step_sizes(path, betas, self.num_pilots, self.step_size, self.num_leapfrog)
        forward, accepted = annealed_log_weight(path, path.draw(self.num_chains), betas, sizes, self.num_leapfrog)
        values = {"lower": importance_weighted_bound(forward), "acceptance": accepted.mean(0)}
        if z is not None:
            every = z.expand(self.num_chains, *z.shape)
            backward, _ = annealed_log_weight(path, every, betas.flip(0), sizes.flip(0), self.num_leapfrog)
            values["upper"] = -importance_weighted_bound(backward)
            values["gap"] = values["upper"] - values["lower"]
        return values

    def measurements(self, real: ExampleMeans, simulated: ExampleMeans) -> Iterator[Measurement]:
        """The bound with its error over examples, and what tells whether to believe it."""
        (means, num, is_density), (both, num_simulated, _) = real.compute(), simulated.compute()
        name, chains, nats = f"ais{self.num_temperatures}", self.num_chains, "nats per example"
        warning, gap = "", both["gap"][0]
        if gap > self.tolerance:
            warning = (
                f"on the model's own images the bounds on log p(x) are {gap:.2f} nats apart, more than "
                f"{self.tolerance:g}; raise evaluation.annealed_importance.num_temperatures"
            )
        value, error = means["lower"]
        kind = "nll" if is_density else "bce"
        yield Measurement(f"{kind}/{name}", -value, nats, num, chains, error=error, warning=warning)
        for side, (value, error) in both.items():
            yield Measurement(f"ais/{side}", value, nats, num_simulated, chains, error=error)
        yield Measurement("ais/acceptance", means["acceptance"][0], "share of proposals", num, chains)


def simulated(latent: LatentStructure, index: Tensor, num_classes: int) -> tuple[Float[Tensor, "B D"], Batch]:
    """z of p(z|y) and x of p(x|z,y): given x, z is a sample of the true posterior."""
    y = index % num_classes if latent.conditional else None
    prior = latent.prior(latent.condition(y, index.unsqueeze(1)))
    z = sample_latents(prior, 1, len(index))[0]
    return z, Batch(latent.decode(z, y).sample(), y, index)
