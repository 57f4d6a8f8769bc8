"""Label fidelity as a run publishes it."""

from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import torch
from measuring import evaluate

from vaelab.callbacks.evaluate import subject_of
from vaelab.data.module import DataModule
from vaelab.evaluation.confidence import Confidence, SampleConfidence
from vaelab.evaluation.judge import judge
from vaelab.evaluation.label_fidelity import SampleLabels
from vaelab.model.vae import VAE


def test_an_unconditional_model_is_asked_nothing(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer], tmp_path: Path
) -> None:
    vae = model()
    trainer(evaluate(label_fidelity=SampleLabels(50, str(tmp_path / "classifiers")))).test(vae, digits(), verbose=False)
    assert "label_fidelity" not in vae.records
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
        record = vae.records["label_fidelity"].figure
        assert (record.unit, record.num_examples) == ("share of samples", 230)
        values.append(record.value)
    assert values[0] == values[1]
    assert 0 <= values[0] <= 1
    assert len(list((tmp_path / "classifiers").iterdir())) == 1


def test_the_confidence_in_samples_needs_no_condition_and_that_in_noise_is_low(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer], tmp_path: Path
) -> None:
    data = digits()
    for name in ("vae", "cvae"):
        vae = model(f"model={name}")
        trainer(evaluate(confidence=SampleConfidence(120, str(tmp_path)))).test(vae, data, verbose=False)
        assert vae.records["sample_confidence"].figure.num_examples == 120
    classifier = judge(subject_of(vae.trainer, vae, "test"), str(tmp_path))
    confidence = {}
    for kind, x in {"real": data.batch("test", torch.arange(200)).x, "grey": torch.rand(200, 1, 8, 8)}.items():
        metric = Confidence()
        metric.update(classifier(x))
        confidence[kind] = metric.compute()
    assert confidence["grey"] + 0.1 < confidence["real"] <= 1
