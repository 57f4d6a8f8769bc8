"""Posteriors with importance weights, and objectives that need them."""

from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch

from vaelab.data.module import DataModule
from vaelab.distribution.one_hots import OneHots
from vaelab.distribution.operations import has_importance_weights
from vaelab.distribution.product import Product
from vaelab.errors import UserError
from vaelab.model.vae import VAE
from vaelab.terms import Batch

Model, Data, Trainer = Callable[..., VAE], Callable[..., DataModule], Callable[..., pl.Trainer]
CONF = Path(__file__).parents[2] / "conf"
WEIGHING = ["iwae", "iwae_dreg", "miwae", "ciwae", "sticking_the_landing", "renyi"]
GUMBEL, JOINT = "model=gumbel_softmax_vae", "model=joint_vae"
# Of every posterior that is not has_importance_weights, where it learns and where it is evaluated.
UNWEIGHABLE = {
    "relaxed": ([GUMBEL, "posterior.straight_through=false"], True),
    "straight through": ([GUMBEL, "posterior.straight_through=true"], True),
    "joint, relaxed": ([JOINT, "posterior.parts.discrete.straight_through=false"], True),
    "joint, straight through": ([JOINT, "posterior.parts.discrete.straight_through=true"], True),
    "deterministic": (["posterior=deterministic"], False),
}
PRIORS = {"gumbel_softmax": "uniform_categorical", "joint": "joint", "von_mises_fisher": "uniform_sphere"}


@pytest.mark.parametrize("name", sorted(file.stem for file in (CONF / "posterior").glob("[!_]*.yaml")))
def test_is_bound_is_known_for_every_posterior(name: str, model: Model, batch: Batch) -> None:
    latent = model(f"posterior={name}", f"prior={PRIORS.get(name, 'standard_normal')}").latent
    assert latent(batch).is_bound == (name not in ("gumbel_softmax", "joint", "deterministic"))
    assert latent.eval()(batch).is_bound == (name != "deterministic")


@pytest.mark.parametrize("objective", WEIGHING)
@pytest.mark.parametrize("case", UNWEIGHABLE)
def test_importance_weighted_objectives_reject_others(
    case: str, objective: str, model: Model, digits: Data, trainer: Trainer
) -> None:
    class Steps(pl.Callback):
        """Nothing may come so far."""

        def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            raise AssertionError("it trains")

    vae = model(*UNWEIGHABLE[case][0], f"objective={objective}")
    with pytest.raises(
        UserError, match=r"those of \w+ have none; choose posterior=diagonal_gaussian, or objective=elbo$"
    ):
        trainer(Steps(), max_epochs=1).fit(vae, digits())


@pytest.mark.parametrize("case", UNWEIGHABLE)
def test_other_objectives_accept_them(case: str, model: Model, batch: Batch, digits: Data, trainer: Trainer) -> None:
    choices, bounded = UNWEIGHABLE[case]
    vae = model(*choices)
    trainer(max_epochs=1, limit_train_batches=1, limit_val_batches=1).fit(vae, digits())
    assert vae.eval().latent(batch).is_bound == bounded


def test_a_point_below_another_latent_has_no_weights(model: Model, batch: Batch) -> None:
    assert model("model=m1_m2").latent.eval()(batch).is_bound
    assert not model("model=m1_m2", "posterior=deterministic").latent.eval()(batch).is_bound


def test_the_mean_weight_is_one_only_for_importance_weights() -> None:
    """Of two posteriors of one shape, q and p: E_q[p(z) / q(z)]."""
    logits, other = torch.randn(2, 3), torch.randn(2, 3)
    for relaxed in (True, False):
        q, p = (OneHots(each, torch.tensor(0.7), relaxed) for each in (logits, other))
        z = q.rsample(torch.Size([200_000]))
        mean = (p.log_prob(z) - q.log_prob(z)).exp().mean().item()
        assert has_importance_weights(q) is not relaxed
        assert (abs(mean - 1) < 0.02) is not relaxed


def test_a_product_is_if_all_parts_are() -> None:
    logits, normal = torch.zeros(4, 2, 3), torch.distributions.Normal(torch.zeros(4, 2), 1.0)
    gaussian = torch.distributions.Independent(normal, 1)
    for exact in (True, False):
        assert has_importance_weights(Product([gaussian, OneHots(logits, torch.tensor(1.0), exact=exact)])) is exact
    assert has_importance_weights(Product([gaussian, Product([gaussian])]))
