"""The rate of each latent group: means that add up to the rate, of at most 64 bundles."""

import re
from collections.abc import Callable

import lightning.pytorch as pl
import pytest
import torch

from vaelab.data.module import DataModule
from vaelab.metric.group_kl import MAX_COLUMNS, GroupKL
from vaelab.model.vae import VAE


@pytest.mark.parametrize(
    ("num_groups", "indices"),
    [
        (1, [0]),
        (64, list(range(64))),
        (65, list(range(0, 65, 2))),
        (1000, list(range(0, 1000, 16))),
    ],
)
def test_columns_are_bundles_that_add_up_to_the_rate(num_groups: int, indices: list[int]) -> None:
    kl, metric = torch.rand(50, num_groups), GroupKL()
    for rows in kl.split(20):
        metric.update(rows)
    found = metric.compute()
    assert list(found) == indices
    assert len(found) <= MAX_COLUMNS
    ends = [*indices[1:], num_groups]
    for (index, value), end in zip(found.items(), ends, strict=True):
        assert value.item() == pytest.approx(kl[:, index:end].double().sum(1).mean().item(), rel=1e-12)


@pytest.mark.parametrize(("name", "num_groups"), [("vae", 4), ("hvae", 2), ("vq_vae", 1), ("gumbel_softmax_vae", None)])
def test_every_validation_logs_the_groups_of_its_rate(
    name: str,
    num_groups: int | None,
    model: Callable[..., VAE],
    digits: Callable[..., DataModule],
    trainer: Callable[..., pl.Trainer],
) -> None:
    running = trainer(max_epochs=2, limit_train_batches=2)
    running.fit(model(f"model={name}"), digits())
    logged = running.callback_metrics
    groups = {key: value for key, value in logged.items() if re.fullmatch(r"val/kl/\d+", key)}
    assert num_groups in (None, len(groups))
    assert sum(groups.values()).item() == pytest.approx(logged["val/rate"].item(), rel=1e-6)
