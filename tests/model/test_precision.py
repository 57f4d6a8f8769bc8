"""Wild network outputs stay finite, and bfloat16 is for networks only."""

from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from torch import Tensor, nn

from vaelab.data.module import DataModule
from vaelab.job.precision import precision
from vaelab.model.vae import VAE
from vaelab.terms import Batch

LIKELIHOODS = sorted(file.stem for file in (Path(__file__).parents[2] / "conf" / "likelihood").glob("*.yaml"))


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("signs", ["plus", "minus", "mixed"])
def test_wild_heads_stay_finite(likelihood: str, signs: str, model: Callable[..., VAE], batch: Batch) -> None:
    vae = model("model=cvae", f"likelihood={likelihood}")
    heads = (vae.latent.posterior.head, vae.latent.decoder.head)
    for head in heads:
        drive(head, signs)
    loss = vae.objective(vae.latent(batch, 2), vae.control)
    loss.total.backward()
    assert loss.total.isfinite()
    assert all(part.isfinite() for part in loss.parts.values())
    assert all(p.grad.isfinite().all() for p in vae.parameters() if p.grad is not None)


def drive(head: nn.Linear, signs: str) -> None:
    """Make every output of a linear layer 50 or -50, whatever goes in."""
    sign = {"plus": 1.0, "minus": -1.0, "mixed": torch.rand(head.out_features).round() * 2 - 1}[signs]
    with torch.no_grad():
        head.weight.zero_()
        head.bias.fill_(50.0).mul_(sign)


class Types(pl.Callback):
    """The types of what was computed in training and in evaluation."""

    def __init__(self) -> None:
        self.networks: set[torch.dtype] = set()
        self.terms: set[torch.dtype] = set()

    def setup(self, trainer: pl.Trainer, pl_module: VAE, stage: str) -> None:
        pl_module.latent.decoder.register_forward_hook(lambda m, i, output: self.networks.add(output.dtype))
        pl_module.latent.register_forward_hook(lambda m, i, terms: self.note(terms))

    def note(self, terms: object) -> None:
        self.terms |= {getattr(terms, name).dtype for name in ("log_px", "log_pz", "log_qz", "kl")}

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: VAE, *_: object) -> None:
        assert pl_module.loss is not None
        self.terms |= {pl_module.loss.total.dtype, *(part.dtype for part in pl_module.loss.parts.values())}


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian_predicted"])
def test_likelihood_and_rate_are_float32_and_close_under_mixed_precision(
    likelihood: str, model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer]
) -> None:
    vae, types, found = model("model=cvae", f"likelihood={likelihood}"), Types(), {}
    trainer(types, max_steps=30, precision="bf16-mixed").fit(vae, digits())
    assert types.networks == {torch.bfloat16}
    assert types.terms == {torch.float32}
    for wanted in ("bf16-mixed", "32-true"):
        (found[wanted],) = trainer(precision=wanted).validate(vae, digits(), verbose=False)
    low, full = found.values()
    assert low != full
    for name in ("val/elbo", "val/rate", "val/distortion"):
        assert low[name] == pytest.approx(full[name], rel=0.01, abs=0.05)


@pytest.mark.parametrize(("native", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_auto_asks_the_hardware(native: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: native)
    for accelerator in ("cpu", "auto", "gpu", "cuda"):
        assert precision("auto", accelerator) == expected
        assert precision("16-mixed", accelerator) == "16-mixed"


def test_amx_counts_as_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    assert precision("auto", "cpu") == "bf16-mixed"


def test_wild_heads_reach_the_distributions(model: Callable[..., VAE], batch: Batch) -> None:
    """That the tests above drive what they say they drive."""
    vae = model("likelihood=gaussian")
    drive(vae.latent.decoder.head, "plus")
    drive(vae.latent.posterior.head, "minus")
    mean: Tensor = vae.latent.reconstruct(batch.x, batch.y)
    assert (mean == 50).all()
    assert (vae.latent.encode(batch.x, batch.y) == -50).all()
