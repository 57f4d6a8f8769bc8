"""A model of `vaelab.build` with the user's own Trainer and loaders."""

from typing import Any

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

import vaelab
from vaelab.data.plain_loader import as_batch

X = torch.rand(60, 1, 8, 8, generator=torch.Generator().manual_seed(0))
Y = torch.arange(60) % 3
SMALL = ("encoder.channels=[8]", "decoder.channels=[8]", "latent_dim=4")


def fit(model: Any, loader: Any, tmp_path: Any, validation: Any = None) -> L.Trainer:
    quiet: dict[str, Any] = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = L.Trainer(max_epochs=1, accelerator="cpu", default_root_dir=tmp_path, **quiet)
    trainer.fit(model, loader, validation)
    return trainer


DATASETS = {
    "tuples": DataLoader(TensorDataset(X, Y), batch_size=20, shuffle=True),
    "x alone": DataLoader(TensorDataset(X), batch_size=20),
    "tensors": DataLoader(X, batch_size=20),  # type: ignore[arg-type]
    "records": DataLoader([vaelab.Batch(X[i], Y[i], torch.tensor(i)) for i in range(60)], batch_size=20),
    "whole batches": DataLoader([vaelab.Batch(X[i::3], Y[i::3], torch.arange(20)) for i in range(3)], batch_size=None),
}


@pytest.mark.parametrize("loader", DATASETS.values(), ids=DATASETS)
@pytest.mark.parametrize("variant", ["vae", "vamp_vae"])
def test_every_kind_of_loader(variant: str, loader: Any, tmp_path: Any) -> None:
    model = vaelab.build(f"model={variant}", *SMALL, shape=(1, 8, 8))
    before = [weight.clone() for weight in model.parameters()]
    trainer = fit(model, loader, tmp_path, loader)
    assert trainer.global_step == 3
    assert not all(torch.equal(one, other) for one, other in zip(before, model.parameters(), strict=True))
    assert torch.isfinite(trainer.callback_metrics["val/elbo"])
    (figures,) = trainer.test(model, loader, verbose=False)
    assert figures["test/elbo"] < 0


@pytest.mark.parametrize("variant", ["cvae", "vq_vae", "beta_tc_vae", "lagging_vae", "factor_vae", "m2"])
def test_variants_with_data_initialization_or_manual_optimization(variant: str, tmp_path: Any) -> None:
    small = SMALL if variant != "vq_vae" else ()
    model = vaelab.build(f"model={variant}", *small, shape=(1, 8, 8), num_classes=3)
    assert fit(model, DATASETS["tuples"], tmp_path).global_step > 0


class Stream(IterableDataset):
    def __iter__(self) -> Any:
        return iter(zip(X, Y, strict=True))


def test_a_stream(tmp_path: Any) -> None:
    assert fit(vaelab.build(*SMALL, shape=(1, 8, 8)), DataLoader(Stream(), batch_size=20), tmp_path).global_step == 3
    with pytest.raises(vaelab.UserError, match="this model reads all training data before it trains"):
        fit(vaelab.build("model=vamp_vae", *SMALL, shape=(1, 8, 8)), DataLoader(Stream(), batch_size=20), tmp_path)


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        ((X * 255).to(torch.uint8), "x must be floats on the scale of the likelihood, but the loader gave torch.uint8"),
        (X * 255, "the likelihood needs x in [0, 1], but the loader gave "),
        (
            X[:, :, :4],
            "the loader gives examples of shape [1, 4, 8], but the model takes [1, 8, 8]; give vaelab.build(",
        ),
    ],
    ids=["uint8", "range", "shape"],
)
def test_mistakes(x: torch.Tensor, sentence: str, tmp_path: Any) -> None:
    with pytest.raises(vaelab.UserError) as caught:
        fit(vaelab.build(*SMALL, shape=(1, 8, 8)), DataLoader(TensorDataset(x), batch_size=20), tmp_path)
    assert str(caught.value).startswith(sentence)


def test_invalid_batches() -> None:
    with pytest.raises(vaelab.UserError, match="but the loader gave a dict"):
        as_batch({"x": X})
    with pytest.raises(vaelab.UserError, match="y must be class numbers"):
        as_batch((X, X))


def test_weights_are_those_of_the_seed() -> None:
    one, same, other = (vaelab.build(*SMALL, f"seed={seed}", shape=(1, 8, 8)) for seed in (1, 1, 2))
    pairs = [list(zip(one.parameters(), each.parameters(), strict=True)) for each in (same, other)]
    assert all(torch.equal(a, b) for a, b in pairs[0])
    assert not all(torch.equal(a, b) for a, b in pairs[1])


def test_a_shape_of_the_data_itself(tmp_path: Any) -> None:
    torch.save(X[:, :, :6], tmp_path / "x.pt")
    model = vaelab.build("data=array", f"data.source.path={tmp_path / 'x.pt'}", *SMALL)
    assert model.latent.sample(2, None).shape == (2, 1, 6, 8)
