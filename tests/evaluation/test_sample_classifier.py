"""Label fidelity and confidence as a run reports them."""

from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from measuring import evaluate, records_of

from vaelab.data.digits import Digits
from vaelab.data.examples import Examples
from vaelab.data.module import DataModule
from vaelab.evaluation.confidence import SampleConfidence, confidence
from vaelab.evaluation.context import EvaluationContext, context_of
from vaelab.evaluation.label_fidelity import SampleLabels
from vaelab.evaluation.sample_classifier import train_sample_classifier
from vaelab.model.vae import VAE


class Coarse(Digits):
    """Digits in fewer classes."""

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes

    def load(self, part: str) -> Examples:
        given = super().load(part)
        assert given.y is not None
        return Examples(given.x, given.y % self.num_classes)


def test_an_unconditional_model_has_no_label_fidelity(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer], tmp_path: Path
) -> None:
    vae = model()
    trainer(evaluate(label_fidelity=SampleLabels(50, str(tmp_path / "classifiers")))).test(vae, digits(), verbose=False)
    assert not any(name.startswith("label_fidelity") for name in records_of(vae))
    assert not (tmp_path / "classifiers").exists()


def test_is_published_once_with_its_number_of_samples_and_is_the_same_again(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer], tmp_path: Path
) -> None:
    values = []
    for seed in (1, 2):
        vae = model("model=cvae")
        torch.manual_seed(seed)
        trainer(evaluate(label_fidelity=SampleLabels(230, str(tmp_path / "classifiers")))).test(
            vae, digits(), verbose=False
        )
        (record,) = (
            one.measurement for name, one in records_of(vae).items() if name.startswith("label_fidelity/digits_cnn128-")
        )
        assert (record.unit, record.num_examples, record.warning) == ("share of samples", 230, "")
        assert record.name == f"label_fidelity/{record.features}"
        values.append(record.value)
    assert values[0] == values[1]
    assert 0 <= values[0] <= 1
    assert len(list((tmp_path / "classifiers").iterdir())) == 1


@pytest.mark.parametrize("noise", ["data.binarization=none", "data.binarization=dynamic", "data.scale=symmetric"])
def test_its_floor_is_the_accuracy_on_real_test_images(
    noise: str, model: Callable[..., VAE], digits: Callable[..., DataModule], tmp_path: Path
) -> None:
    data = digits(noise)
    context = EvaluationContext(model("model=cvae").eval().latent, data, "test", 0, torch.device("cpu"))
    with torch.no_grad():
        (measurement,) = SampleLabels(100, str(tmp_path))(context)
        x, y, _ = data.split("test")[torch.arange(360)]
        right = train_sample_classifier(context, str(tmp_path))(x.float() / 255).argmax(1) == y
    assert measurement.floor == pytest.approx(right.double().mean().item())
    assert 0.5 < measurement.floor < 1
    assert measurement.error == pytest.approx((measurement.value * (1 - measurement.value) / 100) ** 0.5)


@pytest.mark.parametrize(
    ("num_samples", "num_classes", "warning"),
    [
        (100, 1, "the data has one class, which every classifier recognises in anything"),
        (1, 10, "1 samples show 1 of 10 classes; set num_samples to many of each class"),
        (9, 10, "9 samples show 9 of 10 classes; set num_samples to many of each class"),
        (10, 10, ""),
    ],
)
def test_few_classes_are_a_warning(
    num_samples: int,
    num_classes: int,
    warning: str,
    model: Callable[..., VAE],
    digits: Callable[..., DataModule],
    tmp_path: Path,
) -> None:
    classes = (f"data.num_classes={num_classes}", f"data.classes={list(range(num_classes))}")
    latent = model("model=cvae", *classes).eval().latent
    context = EvaluationContext(latent, digits(*classes), "test", 0, torch.device("cpu"))
    context.data.source = Coarse(num_classes)
    with torch.no_grad():
        (measurement,) = SampleLabels(num_samples, str(tmp_path))(context)
    assert measurement.warning == warning


def test_confidence_needs_no_condition_and_is_low_for_noise(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer], tmp_path: Path
) -> None:
    data = digits()
    for name in ("vae", "cvae"):
        vae = model(f"model={name}")
        trainer(evaluate(confidence=SampleConfidence(120, str(tmp_path)))).test(vae, data, verbose=False)
        (record,) = (
            one.measurement for name, one in records_of(vae).items() if name.startswith("sample_confidence/digits_")
        )
        assert (record.num_examples, record.warning) == (120, "")
    classifier = train_sample_classifier(context_of(vae.trainer, vae, "test"), str(tmp_path))
    with torch.no_grad():
        every = classifier(data.batch("test", torch.arange(360)).x).softmax(1).amax(1).mean()
    assert record.floor == pytest.approx(every.item(), rel=1e-6)
    means = {}
    for kind, x in {"real": data.batch("test", torch.arange(200)).x, "grey": torch.rand(200, 1, 8, 8)}.items():
        means[kind] = confidence(classifier(x)).mean()
    assert means["grey"] + 0.1 < means["real"] <= 1
