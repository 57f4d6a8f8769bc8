"""Each index once on 1, 2 and 3 processes: by the sampler's arithmetic and in a real run over gloo."""

import multiprocessing
import socket
from types import SimpleNamespace

import pytest
import torch
from three_processes import run

from vaelab.data.randomness import seeded
from vaelab.data.sampling import EvaluationSampler, TrainingSampler, chunk_number

NUM_EXAMPLES = 10_007
CHUNK = 1000


@pytest.mark.parametrize("world_size", [1, 2, 3, 4, 16])
def test_each_index_exactly_once(world_size):
    ranks = [list(EvaluationSampler(NUM_EXAMPLES, CHUNK, rank, world_size)) for rank in range(world_size)]
    indices = [index for batches in ranks for batch in batches for index in batch]
    assert sorted(indices) == list(range(NUM_EXAMPLES))
    # Equally many batches on all processes: a validation step broadcasts buffers.
    assert {len(batches) for batches in ranks} == {len(EvaluationSampler(NUM_EXAMPLES, CHUNK, 0, world_size))}


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_chunk_number_names_the_same_examples_on_any_number_of_processes(world_size):
    for rank in range(world_size):
        trainer = SimpleNamespace(world_size=world_size, global_rank=rank)
        for batch_idx, indices in enumerate(EvaluationSampler(NUM_EXAMPLES, CHUNK, rank, world_size)):
            start = chunk_number(batch_idx, trainer) * CHUNK
            assert indices == list(range(start, min(start + CHUNK, NUM_EXAMPLES)))


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_training_processes_share_an_epoch_without_overlap(world_size):
    samplers = [TrainingSampler(100, 8, 0, rank, world_size, lambda: 0) for rank in range(world_size)]
    batches = [list(sampler) for sampler in samplers]
    sizes = {tuple(len(index) for index in own) for own in batches}
    indices = [index for own in batches for batch in own for index in batch]
    assert len(sizes) == 1
    assert len(set(indices)) == len(indices) == 100 - 100 % world_size


def test_seeded_restores_the_generator_state():
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    first = torch.rand(1)
    with seeded(0, "test", 3):
        inside = torch.rand(1)
    assert torch.equal(torch.cat([first, torch.rand(1)]), expected)
    with seeded(0, "test", 3):
        assert torch.equal(torch.rand(1), inside)
    with seeded(0, "test", 4):
        assert not torch.equal(torch.rand(1), inside)


def test_three_real_processes(tmp_path):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "3"}
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["vaelab.model.vae"])  # imports torch once, not three times
    running = [context.Process(target=run, args=(tmp_path, {**address, "LOCAL_RANK": str(rank)})) for rank in range(3)]
    for process in running:
        process.start()
    for process in running:
        process.join(timeout=120)
    assert [process.exitcode for process in running] == [0, 0, 0]
    for split, num_examples in (("validation", 500), ("test", NUM_EXAMPLES)):
        ranks = [torch.load(tmp_path / f"{split}{rank}.pt", weights_only=True) for rank in range(3)]
        indices, x, alone = (torch.cat([rank[key] for rank in ranks]) for key in ("index", "x", "alone"))
        order = indices.argsort()
        assert torch.equal(indices[order], torch.arange(num_examples))
        # The noise of an example is the same in chunks on three processes as in one batch on one process.
        assert torch.equal(x, alone)
