"""Small models, trained or broken, and their check contexts."""

from collections.abc import Mapping

import torch

from vaelab.data.digits import Digits
from vaelab.data.examples import Examples
from vaelab.data.module import DataModule
from vaelab.evaluation.context import EvaluationContext
from vaelab.health.check_context import Check, CheckContext
from vaelab.health.check_result import CheckResult
from vaelab.health.history import History
from vaelab.model.vae import VAE


class DividedTwice:
    """Digits whose grey values were divided by 255 once before they were stored: 0 or 1 of 255."""

    def prepare(self) -> None:
        """Nothing to bring."""

    def load(self, part: str) -> Examples:
        digits = Digits().load(part)
        return Examples(digits.x // 255, digits.y)


class Standardised(DividedTwice):
    """Digits of mean 0 and deviation 1."""

    def load(self, part: str) -> Examples:
        digits = Digits().load(part)
        x = digits.x.float()
        return Examples((x - x.mean()) / x.std(), digits.y)


def fit(vae: VAE, data: DataModule, num_steps: int) -> VAE:
    """The model after some steps of Adam on batches of 64, without a trainer."""
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(vae.parameters(), 3e-3)
    for _ in range(num_steps):
        batch = data.batch("train", torch.randint(len(data.split("train")), (64,)))
        optimizer.zero_grad()
        vae.objective(vae.latent(batch, vae.objective.num_samples), vae.control).total.backward()
        optimizer.step()
    return vae


def check_result_of(
    check: Check,
    vae: VAE,
    data: DataModule,
    ends: Mapping[str, int] | None = None,
    step: int = 0,
    history: History | None = None,
) -> CheckResult:
    """What a check finds of a model."""
    vae.eval()
    context = EvaluationContext(vae.latent, data, "validation", seed=0, device=torch.device("cpu"), limit=200)
    with torch.no_grad():
        return check(CheckContext(context, ends or {}, step, history or History()))
