"""Every measure gives the same numbers for 10,007 examples on one, two and three real processes."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from measured import processes
from omegaconf import DictConfig

MEASURES = "[reconstruction,importance,annealed_importance,active_units,decomposition,probes,sample_quality]"
SPARING = (
    "evaluation.importance.num_samples=7",
    "evaluation.importance.chunk=3",
    "evaluation.annealed_importance.num_temperatures=5",
    "evaluation.annealed_importance.num_chains=2",
    "evaluation.decomposition.chunk=500",
    "evaluation.sample_quality.num_samples=10007",
    "evaluation.sample_quality.kid_subsets=10",
    "features.epochs=1",
)


def test_one_two_and_three_processes_agree(small: Callable[..., DictConfig], tmp_path: Path) -> None:
    config = small("latent_dim=2", "model=vae", "features=cnn", f"evaluation={MEASURES}", *SPARING)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["vaelab.model.vae", "vaelab.evaluation.image_quality", "vaelab.evaluation.probes"])
    running = [context.Process(target=processes, args=(rank, config, tmp_path)) for rank in range(3)]
    for process in running:
        process.start()
    for process in running:
        process.join(timeout=300)
        process.kill()
    assert [process.exitcode for process in running] == [0, 0, 0]
    ranks = [torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in range(3)]
    alone = ranks[0][1]
    names = [name for name in alone if "floor" not in name]
    assert {name.partition("/")[0] for name in names} == {
        *("reconstruction", "nll", "ess", "ais", "active_units", "probe", "fid", "kid"),
        *("precision", "recall", "density", "coverage"),
        *("mutual_information", "total_correlation", "dimension_kl"),
    }
    assert len(set(alone.values())) > 12
    for rank, found in enumerate(ranks):
        assert list(found) == [size for size in (1, 2, 3) if rank < size]
        for values in found.values():
            assert values == {name: pytest.approx(value, rel=1e-5) for name, value in alone.items()}
