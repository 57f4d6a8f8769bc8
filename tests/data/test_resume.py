"""A run that was interrupted anywhere and resumed equals an uninterrupted run, bit for bit."""

import warnings

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn

EPOCHS = 3
BATCHES = 10  # 1237 training digits in batches of 128


class Recorder(LightningModule):
    """Remembers which examples, which pixels and which noise each step saw."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(64, 1)
        self.steps = []

    def training_step(self, batch):
        noise = torch.randn(len(batch.x), 64)
        self.steps.append((batch.index, batch.x, noise))
        return (self.layer(batch.x.flatten(1) + noise) ** 2).mean()

    def validation_step(self, batch):
        # Random numbers drawn in validation must not affect training.
        torch.rand(len(batch.x) + 1)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.01)


class Stopped(Exception):
    pass


class SaveAndStop(Callback):
    """Saves at one moment of training and stops there, as a killed process would."""

    def __init__(self, path, hook, step):
        self.path, self.hook, self.step, self.saved = path, hook, step, False

    def _moment(self, trainer, hook):
        if hook == self.hook and trainer.global_step == self.step and not trainer.sanity_checking:
            trainer.save_checkpoint(self.path)
            self.saved = True
            raise Stopped

    def on_train_batch_start(self, trainer, module, batch, batch_idx):
        self._moment(trainer, "batch start")

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        self._moment(trainer, "batch end")

    def on_validation_end(self, trainer, module):
        self._moment(trainer, "validation end")

    def on_train_epoch_end(self, trainer, module):
        self._moment(trainer, "epoch end")


def fit(model, data, ckpt_path=None, callbacks=(), **limits):
    trainer = Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        callbacks=list(callbacks),
        **limits,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            trainer.fit(model, datamodule=data, ckpt_path=ckpt_path, weights_only=True)
        finally:
            # Lightning leaves the workers of training alive where validation was interrupted.
            trainer.fit_loop.teardown()
    assert not any("not resumable" in str(warning.message) for warning in caught)
    return trainer


@pytest.fixture(scope="module")
def whole(data):
    model = Recorder()
    fit(model, data(binarization="dynamic"), max_epochs=EPOCHS)
    assert len(model.steps) == EPOCHS * BATCHES
    return model


def assert_same_steps(resumed, whole):
    assert len(resumed) == len(whole)
    for step, expected in zip(resumed, whole, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(step, expected, strict=True))


@pytest.mark.parametrize(
    ("hook", "step"),
    [
        ("batch start", 0),
        ("batch start", 17),
        ("batch end", 8),
        ("batch end", 18),
        ("batch end", 20),
        ("validation end", 10),
        ("validation end", 20),
        ("epoch end", 10),
        ("epoch end", 20),
    ],
)
@pytest.mark.parametrize(
    "limits", [{"max_epochs": EPOCHS}, {"max_steps": EPOCHS * BATCHES}], ids=lambda x: next(iter(x))
)
@pytest.mark.parametrize("num_workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_resumed_run_equals_uninterrupted_run(data, whole, tmp_path, hook, step, limits, num_workers):
    def module():
        return data(binarization="dynamic", num_workers=num_workers)

    interrupted, resumed = Recorder(), Recorder()
    stop = SaveAndStop(tmp_path / "here.ckpt", hook, step)
    with pytest.raises(Stopped):
        fit(interrupted, module(), callbacks=[stop], **limits)
    assert stop.saved

    trainer = fit(resumed, module(), ckpt_path=tmp_path / "here.ckpt", **limits)
    assert trainer.global_step == EPOCHS * BATCHES
    assert_same_steps(resumed.steps, whole.steps[step:])
    assert torch.equal(resumed.layer.weight, whole.layer.weight)


def test_stopped_by_max_steps_and_continued(data, tmp_path):
    whole, first, second = Recorder(), Recorder(), Recorder()
    fit(whole, data(), max_steps=25)
    fit(first, data(), max_steps=13).save_checkpoint(tmp_path / "here.ckpt")
    fit(second, data(), ckpt_path=tmp_path / "here.ckpt", max_steps=25)
    assert_same_steps(first.steps + second.steps, whole.steps)


def test_an_epoch_uses_each_example_once_and_each_epoch_another_order(data):
    model = Recorder()
    fit(model, data(), max_epochs=2)
    first, second = (torch.cat([index for index, *_ in model.steps[i : i + BATCHES]]) for i in (0, BATCHES))
    assert torch.equal(first.sort().values, torch.arange(1237))
    assert torch.equal(second.sort().values, torch.arange(1237))
    assert not torch.equal(first, second)


def test_noise_of_two_steps_differs(data):
    model = Recorder()
    fit(model, data(), max_epochs=1)
    assert len({noise[0, 0].item() for *_, noise in model.steps}) == BATCHES


def test_limited_epochs_continue_through_the_data(data):
    model = Recorder()
    fit(model, data(), max_epochs=5, limit_train_batches=4)
    indices = torch.cat([index for index, *_ in model.steps[:BATCHES]])
    assert len(model.steps) == 20
    assert torch.equal(indices.sort().values, torch.arange(1237))


def test_overfit_batches_repeats_the_same_examples(data):
    model = Recorder()
    fit(model, data(), max_epochs=3, overfit_batches=2)
    assert [len(index) for index, *_ in model.steps] == [128] * 6
    assert torch.equal(model.steps[0][0], model.steps[2][0])


def test_a_training_loader_without_trainer_starts_at_the_beginning(data):
    module = data()
    fit(Recorder(), module, max_epochs=1)
    assert len(list(module.train_dataloader())) == BATCHES
