"""Extreme network outputs stay finite, and only networks run in bfloat16."""

from collections.abc import Callable, Iterator
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from torch import Tensor, nn
from variants import NAMES, choices

from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.jobs.precision import precision, set_default_dtype
from vaelab.model.vae import VAE
from vaelab.terms import Batch

LIKELIHOODS = sorted(file.stem for file in (Path(__file__).parents[2] / "conf" / "likelihood").glob("*.yaml"))


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("signs", ["plus", "minus", "mixed"])
def test_extreme_outputs_stay_finite(likelihood: str, signs: str, model: Callable[..., VAE], batch: Batch) -> None:
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
    """Make every output of a linear layer 50 or -50, for every input."""
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
def test_auto_depends_on_the_hardware(native: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
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


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [("64", "64-true"), ("32", "32-true"), ("16", "16-mixed"), ("bf16", "bf16-mixed"), ("64-true", "64-true")],
)
def test_short_forms_are_expanded(wanted: str, meant: str) -> None:
    assert precision(wanted, "cpu") == meant


@pytest.mark.parametrize("wanted", ["bf16-true", "16-true"])
def test_weights_of_16_bits_are_an_error(wanted: str) -> None:
    with pytest.raises(UserError, match=rf"^trainer\.precision={wanted} keeps .*; set trainer\.precision=\w+-mixed, "):
        set_default_dtype(wanted)


@pytest.fixture
def float64() -> Iterator[None]:
    """What a job does under trainer.precision=64-true."""
    set_default_dtype("64-true")
    yield
    set_default_dtype("32-true")


def floats(terms: object) -> set[torch.dtype]:
    return {getattr(terms, name).dtype for name in ("log_px", "log_pz", "log_qz", "kl")}


@pytest.mark.parametrize("name", NAMES)
def test_every_model_computes_in_float64_throughout(
    name: str, float64: None, model: Callable[..., VAE], digits: Callable[..., DataModule]
) -> None:
    """One float32 on the way would be an error of types, or end as float32 in the terms."""
    vae, data = model(*choices(name)), digits()
    batch = data.batch("train", torch.arange(8))
    assert {batch.x.dtype, *(weight.dtype for weight in vae.parameters())} == {torch.float64}
    loss = vae.loss_of(batch).total
    loss.backward()
    assert loss.dtype == torch.float64
    vae.eval()
    assert floats(vae.latent(batch)) == {torch.float64}
    assert vae.latent.sample(4, batch.y[:4] if vae.latent.conditional else None).dtype == torch.float64


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_every_likelihood_computes_in_float64(
    likelihood: str, float64: None, model: Callable[..., VAE], digits: Callable[..., DataModule]
) -> None:
    vae = model(f"likelihood={likelihood}")
    terms = vae.latent(digits().batch("train", torch.arange(8)))
    assert floats(terms) == {torch.float64}
    assert terms.log_px.isfinite().all()


def test_float64_and_float32_agree(model: Callable[..., VAE], digits: Callable[..., DataModule]) -> None:
    vae, batch = model("posterior=deterministic"), digits().batch("train", torch.arange(8))
    single = vae.latent(batch).log_px
    double = vae.double().latent(batch._replace(x=batch.x.double())).log_px
    assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
    assert torch.allclose(single.double(), double, rtol=1e-5)
    assert not torch.equal(single.double(), double)


def test_extreme_outputs_reach_the_distributions(model: Callable[..., VAE], batch: Batch) -> None:
    """That the tests above drive what they say they drive."""
    vae = model("likelihood=gaussian")
    drive(vae.latent.decoder.head, "plus")
    drive(vae.latent.posterior.head, "minus")
    mean: Tensor = vae.latent.reconstruct(batch.x, batch.y)
    assert (mean == 50).all()
    assert (vae.latent.encode(batch.x, batch.y) == -50).all()
