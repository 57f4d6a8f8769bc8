"""Annealed importance sampling: unbiased weights in both directions, and bounds that converge to the evidence."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path as File

import pytest
import torch
from latent.known import known, source
from omegaconf import OmegaConf
from torch import Tensor

from vaelab.config import build
from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.evaluation.annealed_importance import AnnealedImportance, simulate
from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.latent_path import latent_path
from vaelab.evaluation.measurement import Measurement
from vaelab.metric.annealed_importance import annealed_log_weight, sigmoid_schedule, tune_step_sizes
from vaelab.metric.bounds import streamed_bound
from vaelab.metric.hamiltonian import TARGET
from vaelab.model.vae import VAE
from vaelab.terms import Batch

WRONG = {"shift": 0.7, "widening": 1.4}
YAML = File(__file__).parents[2] / "conf" / "evaluation" / "annealed_importance.yaml"

from_either_end = pytest.mark.parametrize("start", ["prior", "posterior"])


@pytest.fixture(autouse=True)
def no_grad() -> Iterator[None]:
    """As measures are called."""
    with torch.no_grad():
        yield


@pytest.fixture(scope="module")
def batch() -> Batch:
    return Batch(source().load("test").x, None, torch.arange(400))


@pytest.fixture
def measure() -> Callable[..., AnnealedImportance]:
    """What the yaml describes, on a small scale."""
    described: AnnealedImportance = build(OmegaConf.load(YAML).annealed_importance)
    small = replace(described, num_examples=8, chunk=8, num_temperatures=10, num_chains=4, num_leapfrog=3)
    return lambda **changes: replace(small, **changes)


@pytest.fixture
def context(model: Callable[..., VAE], digits: Callable[..., DataModule]) -> Callable[..., EvaluationContext]:
    """A new model on the test split of the digits."""

    def context(*overrides: str) -> EvaluationContext:
        return EvaluationContext(model(*overrides).eval().latent, digits(*overrides), "test", 0, torch.device("cpu"))

    return context


def truth(batch: Batch) -> Tensor:
    return source().log_prob(batch.x.double())


def margin(values: Tensor) -> float:
    """Four standard errors of their mean."""
    return 4 * values.std().item() / math.sqrt(len(values))


def by_name(measurements: list[Measurement]) -> dict[str, Measurement]:
    return {measurement.name: measurement for measurement in measurements}


def test_the_schedule_rises_from_0_to_1_with_small_steps_at_both_ends() -> None:
    betas = sigmoid_schedule(100)
    assert len(betas) == 101
    assert (betas[0], betas[-1]) == (0, 1)
    steps = betas.diff()
    assert steps.min() > 0
    assert steps[50] > 10 * steps[0]
    torch.testing.assert_close(steps, steps.flip(0), rtol=1e-3, atol=0)
    assert sigmoid_schedule(1).tolist() == [0, 1]


@from_either_end
def test_one_temperature_is_plain_importance_sampling(start: str, batch: Batch) -> None:
    latent = known(source(), **WRONG)
    path = latent_path(latent, batch, start)
    z, betas = path.draw(3), sigmoid_schedule(1)
    sizes = tune_step_sizes(path, betas, 2, 0.5, 5)
    assert sizes.shape == (0, 400)
    log_weight, _ = annealed_log_weight(path, z, betas, sizes, 5)
    expected = latent.decode(z, None).log_prob(batch.x)
    if start == "posterior":
        expected = expected + latent.prior(z[0]).log_prob(z) - latent.infer(batch.x, None).log_prob(z)
    torch.testing.assert_close(log_weight.float(), expected, rtol=0, atol=1e-4)


@from_either_end
def test_mean_weights_are_the_evidence_forward_and_backward(start: str, batch: Batch) -> None:
    few = Batch(batch.x[:5], None, batch.index[:5])
    exact, path = known(source()).infer(few.x, None), latent_path(known(source(), **WRONG), few, start)
    betas = sigmoid_schedule(60)
    sizes = tune_step_sizes(path, betas, 20, 0.5, 3)
    forward, _ = annealed_log_weight(path, path.draw(4000), betas, sizes, 3)
    backward, _ = annealed_log_weight(path, exact.sample((4000,)), betas.flip(0), sizes.flip(0), 3)
    for ratio in ((forward - truth(few)).exp(), (backward + truth(few)).exp()):
        for example in ratio.T:
            assert example.mean().item() == pytest.approx(1, abs=margin(example))
            assert margin(example) < 0.4


@from_either_end
def test_bounds_converge_to_the_evidence(start: str, batch: Batch, measure: Callable[..., AnnealedImportance]) -> None:
    latent, gaps = known(source(), **WRONG), []
    z, own = simulate(latent, torch.arange(200), 0)
    for num_temperatures in (4, 20, 200):
        values = measure(start=start, num_temperatures=num_temperatures, num_chains=8).bounds(latent, own, z)
        below, above = truth(own) - values["lower"], values["upper"] - truth(own)
        assert below.mean() > -margin(below)
        assert above.mean() > -margin(above)
        gaps.append((below + above).mean().item())
    assert all(shorter > longer for shorter, longer in pairwise(gaps))
    assert gaps[0] > 0.3
    assert gaps[-1] < 0.2


def test_annealing_and_importance_weights_agree(batch: Batch, measure: Callable[..., AnnealedImportance]) -> None:
    few = Batch(batch.x[:100], None, batch.index[:100])
    latent = known(source(), **WRONG)
    annealed = measure(num_temperatures=200, num_chains=32).bounds(latent, few)
    assert list(annealed) == ["lower", "acceptance"]
    for found in (annealed["lower"], streamed_bound(latent, few, 10_000, 1000)):
        assert (found - truth(few)).mean().item() == pytest.approx(0, abs=0.05)
        torch.testing.assert_close(found, truth(few), rtol=0, atol=0.8)


def test_step_sizes_are_tuned_towards_the_target(batch: Batch) -> None:
    path, betas = latent_path(known(source()), batch, "prior"), sigmoid_schedule(200)
    sizes = tune_step_sizes(path, betas, 4, 0.01, 3)
    assert torch.equal(sizes[0], torch.full((400,), 0.01))
    sizes = tune_step_sizes(path, betas, 4, 0.5, 3)
    assert sizes.shape == (199, 400)
    _, acceptance = annealed_log_weight(path, path.draw(4), betas, sizes, 3)
    assert acceptance.mean().item() == pytest.approx(TARGET, abs=0.05)


def test_one_chunk_and_two_agree(batch: Batch, measure: Callable[..., AnnealedImportance]) -> None:
    latent, annealed = known(source()), measure(num_temperatures=100, num_chains=8)
    halves = zip(batch.x.split(200), batch.index.split(200), strict=True)
    two = torch.cat([annealed.bounds(latent, Batch(x, None, index))["lower"] for x, index in halves])
    difference = annealed.bounds(latent, batch)["lower"] - two
    assert abs(difference.mean().item()) < margin(difference)
    assert difference.std() < 0.7


@pytest.mark.parametrize("world_size", [2, 3])
def test_any_number_of_processes_gives_the_same_result(
    world_size: int, context: Callable[..., EvaluationContext], measure: Callable[..., AnnealedImportance]
) -> None:
    whole, annealed = context(), measure(num_temperatures=5, chunk=3)
    for of in (annealed.of_examples, annealed.of_simulations):
        shares = [of(replace(whole, rank=rank, world_size=world_size), whole.latent) for rank in range(world_size)]
        for share in shares[1:]:
            shares[0].merge_state(share)
        found, expected = shares[0].compute(), of(whole, whole.latent).compute()
        assert found.num == expected.num
        for name in expected.sums:
            assert found.mean(name).item() == pytest.approx(expected.mean(name).item())
            assert found.error(name).item() == pytest.approx(expected.error(name).item())


def test_runs_in_float32_and_without_parameter_gradients(
    context: Callable[..., EvaluationContext], measure: Callable[..., AnnealedImportance]
) -> None:
    whole = context()
    plain = measure()(whole)
    with torch.autocast("cpu", torch.bfloat16):
        assert measure()(whole) == plain
    assert not torch.is_grad_enabled()
    assert all(parameter.grad is None for parameter in whole.latent.parameters())


@pytest.mark.parametrize(
    "overrides",
    [
        ["model=cvae"],
        ["model=label_prior_cvae"],
        ["model=vamp_vae"],
        ["model=mixture_prior_vae"],
        ["model=flow_prior_vae"],
        ["model=rae"],
        ["model=vae", "posterior=planar", "start=posterior"],
        ["model=cvae", "start=posterior"],
    ],
)
def test_every_single_vector_model_has_bounds(
    overrides: list[str], context: Callable[..., EvaluationContext], measure: Callable[..., AnnealedImportance]
) -> None:
    choices = [one for one in overrides if "start" not in one]
    start = "posterior" if len(choices) < len(overrides) else "prior"
    measurements = by_name(measure(start=start)(context(*choices)))
    assert list(measurements) == ["bce/ais10", "ais/lower", "ais/upper", "ais/gap", "ais/acceptance"]
    assert all((measurement.num_examples, measurement.num_samples) == (8, 4) for measurement in measurements.values())
    lower, upper, gap = (measurements[f"ais/{side}"] for side in ("lower", "upper", "gap"))
    assert gap.value == pytest.approx(upper.value - lower.value)
    assert gap.error is not None
    assert gap.value > -4 * gap.error
    assert gap.value < 1  # new models, whose posteriors are close to their priors


def test_binary_images_have_a_likelihood_and_grey_ones_a_cross_entropy(
    context: Callable[..., EvaluationContext], measure: Callable[..., AnnealedImportance]
) -> None:
    assert measure()(context("data.binarization=dynamic"))[0].name == "nll/ais10"
    assert measure()(context())[0].name == "bce/ais10"


def test_a_wide_gap_is_a_warning(
    context: Callable[..., EvaluationContext], measure: Callable[..., AnnealedImportance]
) -> None:
    measurements = by_name(measure(tolerance=-1.0)(context()))
    assert measurements["bce/ais10"].warning == (
        f"the bounds on log p(x) of generated images are {measurements['ais/gap'].value:.2f} nats apart, "
        "more than -1; raise evaluation.annealed_importance.num_temperatures"
    )
    assert measure(tolerance=10.0)(context())[0].warning == ""


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        (
            ["model=hvae"],
            "annealing moves one latent vector for each example, but latent is Hierarchical; "
            "for a bound on log p(x) choose evaluation=[importance]",
        ),
        (
            ["model=vq_vae", "encoder=conv", "decoder=map"],
            "annealing moves one latent vector for each example, but latent is Quantized; "
            "for a bound on log p(x) choose evaluation=[importance]",
        ),
        (
            ["model=m2"],
            "annealing moves one latent vector for each example, but latent is SemiSupervised; "
            "for a bound on log p(x) choose evaluation=[importance]",
        ),
        (
            ["model=gumbel_softmax_vae"],
            "annealing moves latents along the gradient of their prior, but OneHots is over categories; "
            "for a bound on log p(x) choose evaluation=[importance]",
        ),
        (
            ["model=joint_vae"],
            "annealing moves latents along the gradient of their prior, but OneHots is over categories; "
            "for a bound on log p(x) choose evaluation=[importance]",
        ),
        (
            ["model=hyperspherical_vae"],
            "annealing moves latents along the gradient of their prior, but UniformSphere is on a sphere; "
            "for a bound on log p(x) choose evaluation=[importance]",
        ),
    ],
)
def test_latents_without_a_gradient_are_an_error(
    choices: list[str],
    sentence: str,
    context: Callable[..., EvaluationContext],
    measure: Callable[..., AnnealedImportance],
) -> None:
    with pytest.raises(UserError) as caught:
        measure()(context(*choices))
    assert str(caught.value) == sentence


def test_a_point_posterior_as_start_is_an_error(
    context: Callable[..., EvaluationContext], measure: Callable[..., AnnealedImportance]
) -> None:
    with pytest.raises(UserError) as caught:
        measure(start="posterior")(context("model=rae"))
    assert str(caught.value) == (
        "evaluation.annealed_importance.start=posterior needs a density to start at, but the posterior is a point; "
        "set it to prior"
    )
