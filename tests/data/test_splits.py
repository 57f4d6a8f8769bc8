"""Splits are disjoint, loaders give each example once, and test data are not read before test."""

import hashlib

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import nn

from vaelab.data.digits import Digits
from vaelab.data.examples import Examples
from vaelab.data.fingerprint import fingerprint

SPLITS = ("train", "validation", "test")


class Small(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 1)

    def training_step(self, batch):
        return self.layer(batch.x.flatten(1)).square().mean()

    def validation_step(self, batch):
        pass

    def test_step(self, batch):
        pass

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters())


class Watched(Digits):
    """Remembers which parts were read."""

    def __init__(self):
        self.read = []

    def load(self, part):
        self.read.append(part)
        return super().load(part)


def fingerprints(split):
    batch = split[torch.arange(len(split))]
    return [hashlib.sha256(x.numpy().tobytes()).hexdigest() for x in batch.x]


def test_splits_are_disjoint_by_hash_and_lose_nothing(data):
    module = data()
    found = {name: fingerprints(module.split(name)) for name in SPLITS}
    assert {name: len(names) for name, names in found.items()} == {
        "train": 1237,
        "validation": 200,
        "test": 360,
    }
    together = [name for names in found.values() for name in names]
    assert len(set(together)) == len(together) == 1797


def test_split_seed_chooses_validation_and_nothing_else(data):
    first, same, other = data(), data(seed=5), data(split_seed=1)
    assert fingerprints(first.split("validation")) == fingerprints(same.split("validation"))
    assert set(fingerprints(first.split("validation"))) != set(fingerprints(other.split("validation")))
    assert fingerprints(first.split("test")) == fingerprints(other.split("test"))


def test_test_data_is_not_read_before_test(data):
    source = Watched()
    module = data(source=source)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    trainer.fit(Small(), datamodule=module)
    trainer.validate(Small(), datamodule=module, verbose=False)
    assert source.read == ["train"]
    trainer.test(Small(), datamodule=module, verbose=False)
    assert source.read == ["train", "test"]


@pytest.mark.parametrize("name", SPLITS)
def test_index_is_the_place_in_the_split(data, name):
    module = data()
    split = module.split(name)
    for batch in module.loader(name):
        again = split[batch.index]
        assert torch.equal(batch.x, again.x)
        assert torch.equal(batch.y, again.y)


def test_a_batch_is_one_indexing_operation():
    class Counting:
        shape, calls = (5, 1, 2, 2), 0

        def __getitem__(self, indices):
            self.calls += 1
            return torch.zeros(len(indices), 1, 2, 2)

    x = Counting()
    Examples(x, None)[torch.arange(4)]
    assert x.calls == 1


def test_labels_are_dropped_where_no_classes_are_declared(data):
    module = data(num_classes=0)
    assert module.batch("train", torch.arange(3)).y is None


def test_the_fingerprint_depends_on_the_labels(digits):
    module, relabelled = digits(), digits()
    split = relabelled.split("train")
    relabelled._splits["train"] = Examples(split[torch.arange(len(split))].x, split.y.roll(1))
    assert module.fingerprint != relabelled.fingerprint
    assert not module.is_named(relabelled.fingerprint)
    assert module.is_named(module.fingerprint)
    earlier = fingerprint(split, labels=False)  # as checkpoints have it that were saved before
    assert module.is_named(earlier)
