"""Training with few labels: their choice, the batches, and mistakes in the config."""

from collections.abc import Callable, Iterator

import pytest
import torch

from vaelab.data.labels import MISSING, MixedSampler
from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.terms import Batch

Build = Callable[..., DataModule]


def seen(module: DataModule) -> Iterator[Batch]:
    """The training batches of one epoch."""
    module.setup("fit")
    return iter(module.train_dataloader())


def told(module: DataModule) -> dict[int, int]:
    """The examples whose labels training meets, with what it is told."""
    return {int(i): int(y) for batch in seen(module) for i, y in zip(batch.index, batch.y, strict=True) if y != MISSING}


@pytest.mark.parametrize("per_batch", [0, 32])
def test_training_sees_equally_many_labels_of_each_class(data: Build, per_batch: int) -> None:
    module = data(num_labels=50, labelled_per_batch=per_batch)
    labels = told(module)
    truth = module.split("train").y
    assert torch.tensor(list(labels.values())).bincount().tolist() == [5] * 10
    assert all(truth[index] == label for index, label in labels.items())


def test_split_seed_chooses_the_labelled_examples_and_seed_does_not(data: Build) -> None:
    first, other_order, other = (told(data(num_labels=50, **seeds)) for seeds in ({}, {"seed": 5}, {"split_seed": 1}))
    assert first == other_order
    assert first.keys() != other.keys()


@pytest.mark.parametrize("binarization", ["none", "dynamic", "static"])
def test_labels_are_hidden_under_any_binarization(data: Build, binarization: str) -> None:
    assert len(told(data(num_labels=20, binarization=binarization))) == 20


def test_evaluation_and_the_stored_split_have_every_label(data: Build) -> None:
    module = data(num_labels=50)
    for name in ("train", "validation", "test"):
        assert all((batch.y >= 0).all() for batch in module.loader(name))
        assert (module.split(name).y >= 0).all()


def test_with_all_labels_nothing_changes(data: Build) -> None:
    for batch, other in zip(seen(data()), seen(data(num_labels="all")), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(batch, other, strict=True))
        assert (batch.y >= 0).all()


def test_every_batch_holds_its_share_of_labelled_examples_and_an_epoch_all_examples(data: Build) -> None:
    batches = list(seen(data(num_labels=50, labelled_per_batch=32)))
    assert [len(batch.x) for batch in batches[:-1]] == [128] * (len(batches) - 1)
    assert all((batch.y[:32] >= 0).all() for batch in batches)
    rest = torch.cat([batch.index[32:] for batch in batches])
    assert torch.equal(rest.sort().values, torch.arange(1237))


def sampler(rank: int = 0, world_size: int = 1, done: int = 0) -> MixedSampler:
    return MixedSampler(torch.tensor([3, 5, 7]), 2, 20, 6, 0, rank, world_size, lambda: done)


def test_labelled_examples_take_turns() -> None:
    extra = [index for batch in sampler() for index in batch[:2]]
    assert len(extra) == 10
    for turn in range(3):
        assert sorted(extra[3 * turn : 3 * turn + 3]) == [3, 5, 7]


def test_batches_depend_only_on_their_number() -> None:
    whole = [*sampler(), *sampler(done=5)]
    assert whole[:5] != whole[5:]
    for done in range(5):
        assert list(sampler(done=done))[: 5 - done] == whole[done:5]


def test_processes_share_the_examples_and_do_equally_many_batches() -> None:
    ranks = [list(sampler(rank, 2)) for rank in range(2)]
    assert len(ranks[0]) == len(ranks[1])
    assert sorted(index for batches in ranks for batch in batches for index in batch[2:]) == list(range(20))
    assert all(len(batch) >= 3 and set(batch[:2]) <= {3, 5, 7} for batches in ranks for batch in batches)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"num_labels": 15},
            "data.num_labels=15 cannot be divided evenly among 10 classes; set it to a multiple of 10, or to all",
        ),
        (
            {"num_labels": "few"},
            "data.num_labels=few cannot be divided evenly among 10 classes; set it to a multiple of 10, or to all",
        ),
        (
            {"num_labels": 0},
            "data.num_labels=0 cannot be divided evenly among 10 classes; set it to a multiple of 10, or to all",
        ),
        (
            {"num_labels": 50, "num_classes": 0},
            "data.num_labels=50 needs labels, but the data has none; set data.num_labels=all",
        ),
        (
            {"num_labels": 50, "labelled_per_batch": 128},
            "data.labelled_per_batch=128 leaves no room for unlabelled examples in batches of data.batch_size=128;"
            " set it between 0 and 127",
        ),
        (
            {"labelled_per_batch": 32},
            "data.labelled_per_batch=32 needs partly labelled data, but data.num_labels=all;"
            " set data.num_labels to a number or data.labelled_per_batch=0",
        ),
    ],
    ids=str,
)
def test_mistake_in_the_config(data: Build, changes: dict[str, object], expected: str) -> None:
    with pytest.raises(UserError) as caught:
        data(**changes)
    assert str(caught.value) == expected


def test_more_labels_than_a_class_has_examples(made: Build) -> None:
    with pytest.raises(UserError) as caught:
        made(21, num_labels=22).setup("fit")
    few = int(made(21).split("train").y.bincount()[0])
    assert str(caught.value) == (
        f"data.num_labels=22 needs 11 labels of each class, but class 0 has {few} training examples;"
        f" set it to {2 * few} or less, or to all"
    )
