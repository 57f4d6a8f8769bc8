"""The quantized structure: terms, gradients, and resuming with a codebook."""

import math
from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from measuring import evaluate, records_of

from vaelab.callbacks.checkpoint import LastCheckpoint
from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.evaluation.codebook_use import CodebookUse
from vaelab.metric.bounds import streamed_bound
from vaelab.metric.perplexity import Perplexity, code_counts, perplexity
from vaelab.model.vae import VAE
from vaelab.terms import Batch

VARIANTS = {"vq_vae": (4, 1, 512), "fsq_vae": (4, 1, 1000), "rq_vae": (4, 2, 256)}  # positions, stages, codes
MAPS = ("encoder=map", "decoder=map", "encoder.channels=[8,16]", "decoder.channels=[8,16]")
PIXELCNN = ("prior=pixelcnn", "prior.num_features=8", "prior.num_layers=2")

every_variant = pytest.mark.parametrize("name", VARIANTS)
both_networks = pytest.mark.parametrize("networks", [(), MAPS], ids=["mlp", "map"])


@every_variant
@both_networks
def test_terms_are_those_of_a_point_and_a_uniform_prior(
    name: str, networks: tuple[str, ...], model: Callable[..., VAE], batch: Batch
) -> None:
    latent = model(f"model={name}", *networks).latent.eval()
    num_positions, num_quantizers, num_codes = VARIANTS[name]
    terms = latent(batch, 3)
    rate = num_positions * num_quantizers * math.log(num_codes)
    torch.testing.assert_close(terms.kl, torch.full((64, 1), rate))
    torch.testing.assert_close(terms.log_weight, terms.log_px - rate)
    z, codes = terms.latents
    assert torch.equal(z[2], latent.encode(batch.x, batch.y))
    assert codes.shape[:2] == (3, 64)
    torch.testing.assert_close(terms.log_px[1], latent.decode(z[1], batch.y).log_prob(batch.x))
    torch.testing.assert_close(streamed_bound(latent, batch, 7, 3).float(), terms.log_weight[0])


@every_variant
def test_looking_up_the_codes_gives_the_decoded_vectors(name: str, model: Callable[..., VAE], batch: Batch) -> None:
    latent = model(f"model={name}", *MAPS).latent.eval()
    _, codes = latent(batch).latents
    z = latent.codebook.lookup(codes[0].flatten(1, 2)).transpose(1, 2).flatten(1)
    torch.testing.assert_close(z, latent.encode(batch.x, batch.y))


@every_variant
@both_networks
def test_accepts_an_empty_batch(name: str, networks: tuple[str, ...], model: Callable[..., VAE], batch: Batch) -> None:
    latent = model(f"model={name}", "condition=label", *networks, *PIXELCNN).latent.eval()
    terms = latent(Batch(*(each[:0] for each in batch)), 2)
    assert terms.log_weight.shape == (2, 0)
    assert latent.sample(0, batch.y[:0]).shape == (0, 1, 8, 8)


def test_the_rate_under_a_uniform_prior_trains_nothing(model: Callable[..., VAE], batch: Batch) -> None:
    latent = model("model=vq_vae").latent
    assert not latent(batch).kl.requires_grad


def test_distortion_and_commitment_train_the_encoder_and_only_the_distortion_the_decoder(
    model: Callable[..., VAE], batch: Batch
) -> None:
    latent = model("model=vq_vae").latent
    for term, decoder_too in ((lambda t: -t.log_px, True), (lambda t: t.penalties["commitment"], False)):
        latent.zero_grad()
        term(latent(batch)).mean().backward()
        assert all(parameter.grad is not None for parameter in latent.encoder.parameters())
        assert all((parameter.grad is not None) == decoder_too for parameter in latent.decoder.parameters())


@every_variant
@both_networks
@pytest.mark.parametrize("condition", ["none", "label"])
def test_a_prior_of_frozen_codes_learns_with_every_parameter(
    name: str, networks: tuple[str, ...], condition: str, model: Callable[..., VAE], batch: Batch
) -> None:
    latent = model(f"model={name}", f"condition={condition}", *networks, *PIXELCNN).latent
    latent.eval().requires_grad_(False)
    latent.prior.train().requires_grad_(True)
    before = {name: value.clone() for name, value in latent.state_dict().items()}
    (-latent(batch).log_pz.mean()).backward()
    for parameter in latent.prior.parameters():
        assert (parameter.grad != 0).any()
    assert all(torch.equal(before[name], value) for name, value in latent.state_dict().items())


def test_a_second_stage_inherits_all_but_the_prior(model: Callable[..., VAE]) -> None:
    first, second = model("model=vq_vae").latent, model("model=vq_vae", *PIXELCNN).latent
    assert not [name for name in first.state_dict() if name.startswith("prior.")]
    missing = second.load_state_dict(first.state_dict(), strict=False)
    assert missing.unexpected_keys == []
    assert all(name.startswith("prior.") for name in missing.missing_keys)


def test_a_prior_over_vectors_is_an_error(model: Callable[..., VAE], batch: Batch) -> None:
    with pytest.raises(UserError) as caught:
        model("model=vq_vae", "prior=standard_normal").latent(batch)
    assert str(caught.value) == (
        "latent=quantized needs a prior over codes, of shape [1, 4, 1] and not [4]; "
        "set prior=uniform_codes or prior=pixelcnn"
    )


def test_perplexity_is_the_number_of_codes_equally_in_use() -> None:
    codes = torch.tensor([[0, 5], [1, 5], [2, 5], [3, 5]])
    torch.testing.assert_close(perplexity(code_counts(codes[:, :1], 8)), torch.tensor(4.0))
    torch.testing.assert_close(perplexity(code_counts(codes, 8)), torch.tensor(2.5))
    metric = Perplexity(2, 8)
    for part in (codes[:1], codes[1:], codes[:0]):
        metric.update(part.view(-1, 1, 1, 2))
    assert metric.compute() == (torch.tensor(2.5), 4, torch.tensor((4 + 1) / 16))


def fit(trainer: pl.Trainer, vae: VAE, data: DataModule, resume: Path | None = None) -> dict[str, torch.Tensor]:
    trainer.fit(vae, data, ckpt_path=resume, weights_only=True)
    return vae.state_dict()


def test_a_resumed_run_has_the_codebook_of_an_uninterrupted_one(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer], tmp_path: Path
) -> None:
    usual = {"limit_train_batches": 3, "limit_val_batches": 1}
    whole = fit(trainer(max_epochs=2, **usual), model("model=rq_vae"), digits())
    assert whole["latent.codebook.started"]
    fit(trainer(LastCheckpoint(tmp_path), max_epochs=1, **usual), model("model=rq_vae"), digits())
    resumed = fit(trainer(max_epochs=2, **usual), model("model=rq_vae"), digits(), tmp_path / "last.ckpt")
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def test_testing_publishes_the_perplexity_of_all_examples(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer]
) -> None:
    for name, published in (("vq_vae", True), ("vae", False)):
        vae, data = model(f"model={name}"), digits()
        trainer(evaluate(perplexity=CodebookUse())).test(vae, data, verbose=False)
        assert ("perplexity" in records_of(vae)) == published
        if published:
            _, codes = vae.latent(data.batch("test", torch.arange(len(data.split("test"))))).latents
            expected = perplexity(code_counts(codes[0], 512))
            assert records_of(vae)["perplexity"].value == pytest.approx(expected.item(), rel=1e-5)
