"""What is logged of the use of the latents equals what the measures say of the same split."""

from collections.abc import Callable
from dataclasses import replace

import lightning.pytorch as pl
import pytest
import torch

from vaelab.callbacks.latent_use import LatentUse
from vaelab.data.module import DataModule
from vaelab.evaluation.active_units import Activity
from vaelab.evaluation.codebook_use import CodebookUse
from vaelab.evaluation.context import context_of
from vaelab.model.vae import VAE

Logged = Callable[..., tuple[dict[str, float], pl.Trainer, VAE]]


@pytest.fixture
def logged(model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer]) -> Logged:
    """What one epoch logs of the latents, and its trainer and model."""

    def logged(*overrides: str, threshold: float = 0.01) -> tuple[dict[str, float], pl.Trainer, VAE]:
        vae, running = model(*overrides), trainer(LatentUse(threshold), max_epochs=2)
        running.fit(vae, digits())
        vae.eval()
        found = {name: float(value) for name, value in running.callback_metrics.items() if name.startswith("latent/")}
        return found, running, vae

    return logged


@pytest.mark.parametrize("threshold", [1e-4, 1e-3, 1e-2])
def test_active_units_are_those_of_the_measure(threshold: float, logged: Logged) -> None:
    found, running, vae = logged(threshold=threshold)
    with torch.no_grad():
        (measured,) = Activity(threshold)(context_of(running, vae, "validation"))
    assert found["latent/active_units"] == measured.value
    # An estimate from samples: near 0 it may be negative.
    assert -0.1 < found["latent/mutual_information"] <= torch.tensor(vae.data.chunk).log()


@pytest.mark.parametrize("name", ["vq_vae", "rq_vae"])
def test_the_use_of_codes_is_that_of_the_measure(name: str, logged: Logged) -> None:
    found, running, vae = logged(f"model={name}")
    context = context_of(running, vae, "validation")
    with torch.no_grad():
        (measured,) = CodebookUse()(replace(context, limit=None))
        split = vae.data.batch("validation", torch.arange(context.num_examples))
        codes = vae.latent.infer(split.x, None).codes.flatten(0, 1)
    assert found["latent/perplexity"] == pytest.approx(measured.value)
    used = [len(column.unique()) / vae.latent.codebook.num_codes for column in codes.unbind(1)]
    assert found["latent/code_share"] == pytest.approx(sum(used) / len(used))
    assert set(found) == {"latent/perplexity", "latent/code_share"}


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("hvae", set()),
        ("iaf_vae", {"latent/active_units"}),
        ("lagging_vae", {"latent/active_units", "latent/mutual_information"}),
    ],
)
def test_what_does_not_apply_is_not_logged(name: str, keys: set[str], logged: Logged) -> None:
    found, running, _ = logged(f"model={name}")
    assert set(found) == keys
    if name == "lagging_vae":
        assert found["latent/mutual_information"] == pytest.approx(
            running.callback_metrics["val/mutual_information"].item()
        )
