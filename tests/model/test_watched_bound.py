"""The bound that chooses the best checkpoint."""

from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch

from vaelab.callbacks.checkpoint import BestCheckpoint
from vaelab.callbacks.kl_annealing import KLAnnealing
from vaelab.data.module import DataModule
from vaelab.data.randomness import seeded
from vaelab.kl.schedule import Linear
from vaelab.metric.bounds import importance_weighted_bound
from vaelab.model.vae import VAE
from vaelab.objective.renyi import renyi_bound

Model, Data, Trainer = Callable[..., VAE], Callable[..., DataModule], Callable[..., pl.Trainer]
OBJECTIVES = sorted(file.stem for file in (Path(__file__).parents[2] / "conf" / "objective").glob("[!_]*.yaml"))
# Of each objective that weighs samples: its bound by definition.
WEIGHING: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "iwae": importance_weighted_bound,
    "iwae_dreg": importance_weighted_bound,
    "miwae": lambda w: sum(importance_weighted_bound(w[m::4]) for m in range(4)) / 4,
    "ciwae": lambda w: (importance_weighted_bound(w) + w.mean(0)) / 2,
    "renyi": lambda w: renyi_bound(w, 0.5),
}
SHORT = {"max_epochs": 1, "limit_train_batches": 2}


def log_weights(vae: VAE, data: DataModule) -> torch.Tensor:
    """Of all validation examples, drawn as validation draws them, ten samples at a time."""
    found = []
    with torch.no_grad():
        for number in range(2):
            batch = data.batch("validation", torch.arange(number * 100, number * 100 + 100))
            with seeded(vae.seed, "bound", number):
                inferred = vae.latent.infer(batch.x, batch.y)
                sizes = [min(10, vae.objective.num_samples - done) for done in range(0, vae.objective.num_samples, 10)]
                found.append(torch.cat([vae.latent.score(batch, inferred, size).log_weight for size in sizes]))
    return torch.cat(found, 1).double()


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if name not in WEIGHING])
def test_is_the_elbo_for_most_objectives(name: str, model: Model, digits: Data, trainer: Trainer) -> None:
    running = trainer(**SHORT)
    running.fit(model(f"objective={name}"), digits())
    assert running.callback_metrics["val/bound"] == running.callback_metrics["val/elbo"]


@pytest.mark.parametrize("name", WEIGHING)
def test_is_the_bound_of_importance_weighted_objectives(
    name: str, model: Model, digits: Data, trainer: Trainer
) -> None:
    vae, data, running = model(f"objective={name}"), digits(), trainer(KLAnnealing(Linear(0.0, 0.1, 100)), **SHORT)
    running.fit(vae, data)
    vae.eval()
    expected = WEIGHING[name](log_weights(vae, data)).mean()
    torch.testing.assert_close(running.callback_metrics["val/bound"].double(), expected, rtol=1e-6, atol=0)
    assert running.callback_metrics["val/bound"] > running.callback_metrics["val/elbo"]


@pytest.mark.parametrize("one", ["objective.num_samples=1", "objective.alpha=1"])
def test_is_the_elbo_for_one_sample_or_alpha_1(one: str, model: Model, digits: Data, trainer: Trainer) -> None:
    running = trainer(**SHORT)
    running.fit(model("objective=iwae" if "samples" in one else "objective=renyi", one), digits())
    assert running.callback_metrics["val/bound"] == running.callback_metrics["val/elbo"]


def test_the_elbo_of_an_iwae_is_unchanged(model: Model, digits: Data, trainer: Trainer) -> None:
    vae, data, running = model("objective=iwae"), digits(), trainer(**SHORT)
    running.fit(vae, data)
    elbo = torch.zeros((), dtype=torch.float64)
    with torch.no_grad():
        for number in range(2):
            batch = data.batch("validation", torch.arange(number * 100, number * 100 + 100))
            with seeded(vae.seed, number):
                terms = vae.eval().latent(batch)
            elbo += (terms.log_px[0] - terms.kl.sum(1)).double().sum()
    torch.testing.assert_close(running.callback_metrics["val/elbo"].double(), elbo / 200, rtol=1e-6, atol=0)


@pytest.mark.parametrize("monitor", ["val/bound", "val/elbo"])  # the second is what runs of before say
def test_the_best_checkpoint_has_the_highest_bound(
    monitor: str, model: Model, digits: Data, trainer: Trainer, tmp_path: Path
) -> None:
    class Record(pl.Callback):
        """What was watched."""

        seen: list[float]

        def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            self.seen.append(trainer.callback_metrics[monitor].item())

    record, best = Record(), BestCheckpoint(monitor, "max")
    record.seen, best.dirpath = [], str(tmp_path)
    trainer(record, best, max_epochs=3, limit_train_batches=2).fit(model("objective=iwae"), digits())
    assert best.best_model_score is not None
    assert best.best_model_score.item() == max(record.seen)
