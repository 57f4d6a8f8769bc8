"""A trained cvae generates the requested class."""

from collections.abc import Callable

import lightning.pytorch as pl
import pytest
import torch

from vaelab.data.module import DataModule
from vaelab.evaluation.label_fidelity import label_fidelity
from vaelab.features.classifier import Classifier, fit
from vaelab.model.vae import VAE
from vaelab.terms import Batch

LABELS = torch.arange(200) % 10


@pytest.fixture(scope="module")
def judge(digits: Callable[..., DataModule]) -> Classifier:
    """A network that has learned the classes from real digits."""
    split = digits().split("train")
    train = split[torch.arange(len(split))]
    torch.manual_seed(0)
    classifier = Classifier((1, 8, 8), 10)
    fit(classifier, train.x, train.y, epochs=12)
    return classifier.eval()


@pytest.fixture(scope="module")
def trained(model: Callable[..., VAE], digits: Callable[..., DataModule]) -> VAE:
    vae = model("model=cvae", "encoder.num_features=128", "decoder.num_features=128", "optimizer.lr=5e-3")
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=20,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    trainer.fit(vae, digits())
    return vae.eval()


def fidelity(judge: Classifier, x: torch.Tensor, asked: torch.Tensor) -> float:
    return label_fidelity(judge(x), asked).mean().item()


@torch.no_grad()
def test_samples_show_the_requested_class(trained: VAE, judge: Classifier) -> None:
    samples = trained.latent.sample(200, LABELS)
    assert fidelity(judge, samples, LABELS) > 0.75
    assert fidelity(judge, samples, LABELS.roll(1)) < 0.1


@torch.no_grad()
def test_swapping_the_label_swaps_the_class_of_one_latent(trained: VAE, judge: Classifier) -> None:
    z = trained.latent.draw(1, LABELS[:1]).expand(10, -1)
    images = trained.latent.decode(z, torch.arange(10)).mean
    assert len(images.flatten(1).unique(dim=0)) == 10
    z = trained.latent.draw(200, LABELS)
    there, back = (trained.latent.decode(z, y).mean for y in (LABELS, LABELS.flip(0)))
    assert fidelity(judge, there, LABELS) > 0.75
    assert fidelity(judge, back, LABELS.flip(0)) > 0.75
    swapped = LABELS.flip(0) != LABELS
    assert ((there - back).abs().amax((1, 2, 3)) > 0.2)[swapped].all()


@torch.no_grad()
def test_the_right_label_explains_an_image_better(trained: VAE, digits: Callable[..., DataModule]) -> None:
    right = digits().batch("test", torch.arange(300))
    wrong = Batch(right.x, (right.y + 1) % 10, right.index)
    difference = trained.latent(right, 20).log_weight.mean(0) - trained.latent(wrong, 20).log_weight.mean(0)
    assert difference.mean() > 1.0
