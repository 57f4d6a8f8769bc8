"""Laws of every metric: each example counts once, for any batching and number of processes."""

import multiprocessing
from pathlib import Path

import pytest
import torch
from synthetic import CHUNK, METRICS, NUM_EXAMPLES, evidence, numbers, processes, result
from torch.distributions import Bernoulli

from vaelab.evaluation.label_fidelity import label_fidelity
from vaelab.evaluation.reconstruction import ReconstructionError
from vaelab.metric.elbo import ELBOMetric
from vaelab.metric.moments import Moments

every_metric = pytest.mark.parametrize("name", METRICS)


@every_metric
def test_one_example_at_a_time_equals_chunks(name: str) -> None:
    given = numbers()
    # A standard error is the small difference of large sums: of 16 places some five are lost.
    assert result(name, given, 1) == pytest.approx(result(name, given, CHUNK), rel=1e-10)


@every_metric
def test_the_last_example_counts(name: str) -> None:
    given = numbers()
    before = result(name, given, CHUNK)
    for rows in given.values():
        rows[-1] = rows[-1] + 1000 if rows.is_floating_point() else (rows[-1] + 1) % 3
    assert result(name, given, CHUNK) != pytest.approx(before, rel=1e-9)


def test_one_two_and_three_processes_agree(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["vaelab.model.vae"])  # imports torch and torchmetrics once, not three times
    running = [context.Process(target=processes, args=(rank, tmp_path)) for rank in range(3)]
    for process in running:
        process.start()
    for process in running:
        process.join(timeout=120)
    assert [process.exitcode for process in running] == [0, 0, 0]
    alone = {name: result(name, numbers(), CHUNK) for name in METRICS}
    for rank in range(3):
        found = torch.load(tmp_path / f"rank{rank}.pt", weights_only=True)
        assert list(found) == [size for size in (1, 2, 3) if rank < size]
        for values in found.values():
            assert values == {name: pytest.approx(value, rel=1e-12) for name, value in alone.items()}


def test_evidence_is_the_mean_over_examples() -> None:
    given, metric = numbers(), ELBOMetric()
    evidence(metric, given)
    values, _, num, _ = metric.compute()
    rate = given["kl"].double().sum() / NUM_EXAMPLES
    distortion = -given["log_px"].double().mean()
    assert num == NUM_EXAMPLES
    torch.testing.assert_close(values, {"elbo": -rate - distortion, "rate": rate, "distortion": distortion})


def test_evidence_has_the_standard_error_of_every_mean() -> None:
    given, metric = numbers(), ELBOMetric()
    given["level"] = 7 + given["kl"][:, 0]
    for start in range(0, NUM_EXAMPLES, CHUNK):
        evidence(metric, {key: rows[start : start + CHUNK] for key, rows in given.items()})
    each = {"rate": given["kl"].double().sum(1), "distortion": -given["log_px"].double().mean(1)}
    each |= {"elbo": -each["rate"] - each["distortion"], "level": given["level"].double()}
    expected = {name: value.std(correction=1) / NUM_EXAMPLES**0.5 for name, value in each.items()}
    torch.testing.assert_close(metric.compute().errors, expected, rtol=1e-9, atol=0)


def test_cross_entropy_of_an_image_with_itself_is_its_entropy() -> None:
    x = torch.rand(50, 1, 4, 4)
    x[0] = x[0].round()  # black and white pixels have none
    metric = ReconstructionError()
    metric.update(x, x)
    values, _ = metric.compute()
    entropy = Bernoulli(probs=x.double().clamp(1e-12, 1 - 1e-12)).entropy().sum() / 50
    assert values["mse"] == 0
    torch.testing.assert_close(values["bce"], entropy, rtol=0, atol=1e-5)


def test_reconstruction_error_is_summed_over_pixels() -> None:
    x, mean = torch.rand(6, 3, 5, 5), torch.rand(6, 3, 5, 5)
    metric = ReconstructionError()
    metric.update(x, mean)
    values, num = metric.compute()
    assert num == 6
    torch.testing.assert_close(values["mse"], (x - mean).double().square().flatten(1).sum(1).mean())
    expected = -Bernoulli(probs=mean.double(), validate_args=False).log_prob(x.double()).flatten(1).sum(1).mean()
    torch.testing.assert_close(values["bce"], expected)


@pytest.mark.parametrize("outside", [-0.1, 1.1])
def test_no_cross_entropy_if_a_pixel_is_outside(outside: float) -> None:
    x = torch.rand(4, 1, 2, 2)
    x[3, 0, 1, 1] = outside
    metric = ReconstructionError()
    for one in x:
        metric.update(one[None], one[None])
    assert list(metric.compute()[0]) == ["mse"]


@pytest.mark.parametrize("chunk", [1, 30, 100])
def test_errors_are_those_of_a_mean(chunk: int) -> None:
    x, moments = torch.randn(100, dtype=torch.float64), Moments(["x", "y"])
    for part in x.split(chunk):
        moments.update({"y": -part, "x": part + 50, "other": part})
    summary = moments.compute()
    assert (summary.num, list(summary.sums)) == (100, ["x", "y"])
    assert summary.mean("x").item() == pytest.approx(x.mean().item() + 50)
    assert summary.mean("y").item() == pytest.approx(-x.mean().item())
    assert summary.variance("x").item() == pytest.approx(x.var(correction=0).item())
    assert summary.error("x").item() == pytest.approx(x.std().item() / 10)


def test_one_example_has_no_error() -> None:
    moments = Moments(["x"])
    moments.update({"x": torch.tensor([0.1])})
    assert moments.compute().error("x") == 0


def test_vectors_have_moments_of_each_element() -> None:
    code, moments = torch.randn(1000, 3) * torch.tensor([0.0, 0.3, 2.0]) + 3, Moments(["code"], [3])
    for rows in code.split(7):
        moments.update({"code": rows})
    summary = moments.compute()
    torch.testing.assert_close(summary.mean("code"), code.double().mean(0))
    torch.testing.assert_close(summary.variance("code"), code.double().var(0, correction=0))


def test_nan_stays_visible() -> None:
    moments = Moments(["nll"])
    moments.update({"nll": torch.tensor([-1.0, float("nan")])})
    summary = moments.compute()
    assert summary.mean("nll").isnan()
    assert summary.error("nll").isnan()


def test_label_fidelity_of_nan_logits_is_nan() -> None:
    asked = torch.tensor([0, 1, 2])
    assert label_fidelity(torch.eye(3)[[0, 1, 0]], asked).tolist() == [1.0, 1.0, 0.0]
    assert label_fidelity(torch.full((3, 3), torch.nan), asked).isnan().all()
