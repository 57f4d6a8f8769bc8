"""The learned codebook: gradients, updates and state."""

import multiprocessing
import socket
from pathlib import Path

import torch
from torch import Tensor
from two_processes import SIZES, features, run

from vaelab.codebook.vector_quantizer import VectorQuantizer


def codebook(num_quantizers: int = 1, commitment: float = 0.25, dead_below: float = 0.1) -> VectorQuantizer:
    torch.manual_seed(0)
    return VectorQuantizer(
        **SIZES, num_quantizers=num_quantizers, decay=0.99, dead_below=dead_below, commitment=commitment
    )


def nearest(z: Tensor, vectors: Tensor) -> Tensor:
    """By brute force, the code vector at the smallest distance."""
    distances = (z.unsqueeze(-2) - vectors).square().sum(-1)
    return vectors[distances.argmin(-1)]


def test_chooses_the_nearest_code_and_sums_the_stages() -> None:
    quantizer, z = codebook(num_quantizers=3).eval(), features(0)
    expected = torch.zeros_like(z)
    for q in range(3):
        expected = expected + nearest(z - expected, quantizer.vectors(q))
    vectors, codes, _ = quantizer(z)
    torch.testing.assert_close(vectors, expected)
    torch.testing.assert_close(quantizer.lookup(codes), expected)
    assert codes.shape == (*z.shape[:2], 3)


def test_the_gradient_of_the_vectors_passes_straight_through_to_the_features() -> None:
    for num_quantizers in (1, 3):
        z, weight = features(0).requires_grad_(), torch.randn(16, 5, 4)
        (codebook(num_quantizers)(z).vectors * weight).sum().backward()
        torch.testing.assert_close(z.grad, weight)


def test_commitment_pulls_features_to_their_code_and_beta_weights_only_it() -> None:
    z = features(0).requires_grad_()
    vectors, _, penalties = codebook(commitment=0.5)(z)
    torch.testing.assert_close(penalties["commitment"], 0.5 * (z - vectors).square().sum((1, 2)))
    penalties["commitment"].sum().backward()
    torch.testing.assert_close(z.grad, 0.5 * 2 * (z - vectors).detach())
    assert torch.equal(codebook(commitment=7.0)(z).vectors, vectors)


def test_a_codebook_has_no_trainable_parameters() -> None:
    assert list(codebook(num_quantizers=2).parameters()) == []


def test_the_codebook_is_updated_after_quantization() -> None:
    quantizer, z = codebook(dead_below=0.0), features(0)
    old = quantizer.vectors(0).clone()
    vectors = quantizer(z).vectors
    torch.testing.assert_close(vectors, nearest(z, old))
    assert not torch.equal(quantizer.vectors(0), old)


def test_codes_are_moving_averages_of_their_features() -> None:
    quantizer, z = codebook(dead_below=0.0), features(0)
    old = quantizer.vectors(0).clone()
    codes = quantizer(z).codes.flatten()
    for k in codes.unique():
        own = z.flatten(0, 1)[codes == k]
        # Each code begins as an average over one vector: itself.
        expected = (0.99 * old[k] + 0.01 * own.sum(0)) / (0.99 + 0.01 * len(own))
        torch.testing.assert_close(quantizer.vectors(0)[k], expected, atol=1e-4, rtol=1e-3)


def test_a_dead_code_becomes_one_of_the_features() -> None:
    quantizer, z = codebook(dead_below=0.995), features(0) + 5  # far from all codes but a few
    codes = quantizer(z).codes.flatten()
    dead = sorted(set(range(SIZES["num_codes"])) - set(codes.tolist()))
    assert dead
    found = torch.cdist(quantizer.vectors(0)[dead], z.flatten(0, 1)).min(1).values
    assert (found < 0.02).all()


def test_starts_at_the_k_means_of_features_and_of_their_residuals_but_only_once() -> None:
    # As many clusters as codes, far from each other and each of 30 vectors.
    centers = 10 * torch.eye(8, 4) + 10 * torch.arange(8).unsqueeze(1)
    z = (centers.repeat(30, 1) + 0.1 * torch.randn(240, 4)).view(48, 5, 4)
    quantizer = codebook(num_quantizers=2)
    quantizer.initialize(z)
    error = (quantizer.eval()(z).vectors - z).square().sum(-1).mean()
    assert error < 0.2 * z.var(0).sum()
    before = {name: value.clone() for name, value in quantizer.state_dict().items()}
    quantizer.initialize(z + 100)
    assert all(torch.equal(before[name], value) for name, value in quantizer.state_dict().items())


def test_evaluation_changes_no_buffer_and_accepts_an_empty_batch() -> None:
    quantizer = codebook(num_quantizers=2).eval()
    before = {name: value.clone() for name, value in quantizer.named_buffers()}
    quantizer(features(0))
    vectors, codes, penalties = quantizer(torch.zeros(0, 5, 4))
    assert (vectors.shape, codes.shape, penalties["commitment"].shape) == ((0, 5, 4), (0, 5, 2), (0,))
    assert all(torch.equal(before[name], value) for name, value in quantizer.named_buffers())


def test_resumes_exactly_from_its_state() -> None:
    one, other = codebook(num_quantizers=2), codebook(num_quantizers=2)
    one.initialize(features(0))
    for step in range(10):
        one(features(step))
    other.load_state_dict(one.state_dict())
    for quantizer in (one, other):
        torch.manual_seed(1)  # revival draws
        for step in range(10, 20):
            quantizer(features(step))
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


def test_two_processes_hold_equal_codebooks_after_fifty_steps_with_revivals(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["vaelab.codebook.vector_quantizer"])
    running = [context.Process(target=run, args=(tmp_path, rank, port)) for rank in range(2)]
    for process in running:
        process.start()
    for process in running:
        process.join(timeout=120)
    assert [process.exitcode for process in running] == [0, 0]
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    assert all(torch.equal(value, second["state"][name]) for name, value in first["state"].items())
    assert not torch.equal(first["codes"], second["codes"])  # each saw features of its own
    assert first["revived"] > 0
