"""Each check passes a healthy model and fails for its fault."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from examining import DividedTwice, Standardised, check_result_of, fit
from rich.text import Text

from vaelab.data.module import DataModule
from vaelab.health.check_context import Check
from vaelab.health.check_result import FAILED, NOT_APPLICABLE, PASSED, CheckResult, print_lines
from vaelab.health.decoder_balance import DecoderBalance
from vaelab.health.generalization_gap import GeneralizationGap
from vaelab.health.history import History
from vaelab.health.latent_use import sample_code
from vaelab.health.sharpness import gradient_magnitude
from vaelab.model.vae import VAE
from vaelab.terms import Batch

Model, Data, Checks = Callable[..., VAE], Callable[..., DataModule], Mapping[str, Check]

COUNTED = History(num_steps=100, num_clippable=100, num_clipped=3)


def of_other_source(digits: Data, source: object, **changes: object) -> DataModule:
    """The data module of the digits over other examples."""
    data = digits(*(f"data.{name}={value}" for name, value in changes.items()))
    data.source = source
    return data


def test_a_healthy_model_passes_every_line(checks: Checks, healthy: VAE, digits: Data) -> None:
    for name, check in checks.items():
        line = check_result_of(check, healthy, digits(), {"weight": 300}, 400, COUNTED)
        assert line.verdict == PASSED, (name, line)
        assert line.value is not None


def test_a_collapsed_model(checks: Checks, model: Model, digits: Data) -> None:
    collapsed = fit(model("model=beta_vae", "objective.beta=50"), digits(), 150)
    active = check_result_of(checks["active_units"], collapsed, digits())
    assert (active.verdict, active.value) == (FAILED, 0)
    use = check_result_of(checks["latent_use"], collapsed, digits())
    assert use.verdict == FAILED
    assert abs(use.value) < 0.25
    assert check_result_of(checks["traversal"], collapsed, digits()).verdict == NOT_APPLICABLE


def test_a_decoder_that_uses_only_the_label(checks: Checks, healthy: VAE, digits: Data) -> None:
    deaf = deepcopy(healthy)
    with torch.no_grad():
        deaf.latent.decoder.layers[0].weight[:, :4] = 0
    use = check_result_of(checks["latent_use"], deaf, digits())
    assert (use.verdict, use.value) == (FAILED, 0)
    assert "z is collapsed or ignored" in use.message
    traversal = check_result_of(checks["traversal"], deaf, digits())
    assert (traversal.verdict, traversal.value) == (FAILED, 0)
    # The code itself is as it was, and so is y.
    assert check_result_of(checks["active_units"], deaf, digits()).verdict == PASSED


def test_a_decoder_that_ignores_one_dimension(checks: Checks, healthy: VAE, digits: Data) -> None:
    deaf = deepcopy(healthy)
    with torch.no_grad():
        deaf.latent.decoder.layers[0].weight[:, 2] = 0
    line = check_result_of(checks["traversal"], deaf, digits())
    assert line.details["z2"] == 0
    assert all(response > 0 for name, response in line.details.items() if name != "z2")
    assert line.value == pytest.approx(1 - 1 / len(line.details))


def test_a_single_latent_dimension(checks: Checks, model: Model, digits: Data) -> None:
    lines = [check_result_of(replace(checks["traversal"], threshold=0.0), model("latent_dim=1"), digits())]
    lines.append(check_result_of(checks["active_units"], model("latent_dim=1"), digits()))
    assert list(lines[0].details) == ["z0"]
    assert lines[1].verdict != NOT_APPLICABLE


@pytest.mark.parametrize("likelihood", ["bernoulli", "continuous_bernoulli", "gaussian_learned"])
def test_data_that_were_divided_twice(likelihood: str, checks: Checks, model: Model, digits: Data) -> None:
    data = of_other_source(digits, DividedTwice())
    line = check_result_of(checks["input_range"], model(f"likelihood={likelihood}"), data)
    assert line.verdict == FAILED
    assert "training x spans 0 to 0.003922" in line.message
    assert check_result_of(checks["input_range"], model(f"likelihood={likelihood}"), digits()).verdict == PASSED


def test_standardised_data_under_a_likelihood_of_the_unit_interval(checks: Checks, model: Model, digits: Data) -> None:
    data = of_other_source(digits, Standardised(), scale="none")
    line = check_result_of(checks["input_range"], model(), data)
    assert line.verdict == FAILED
    assert "but p(x|z) needs x in [0, 1]; set data.scale=unit" in line.message
    assert check_result_of(checks["input_range"], model("likelihood=gaussian_learned"), data).verdict == PASSED


def test_pixels_that_were_never_divided(checks: Checks, model: Model, digits: Data) -> None:
    line = check_result_of(checks["input_range"], model("likelihood=gaussian"), digits("data.scale=none"))
    assert line.verdict == FAILED
    assert line.value == pytest.approx(96, abs=3)


def test_a_fixed_scale_that_is_too_wide_or_too_narrow(checks: Checks, model: Model, digits: Data) -> None:
    wide = check_result_of(checks["likelihood_scale"], fit(model("likelihood=gaussian"), digits(), 100), digits())
    assert wide.verdict == FAILED
    assert wide.value == pytest.approx(0.25, abs=0.1)
    assert "set likelihood.scale" in wide.message
    narrow = check_result_of(
        checks["likelihood_scale"], model("likelihood=gaussian", "likelihood.scale=0.05"), digits()
    )
    assert narrow.verdict == FAILED
    assert narrow.value > 5


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian_optimal", "laplace_predicted", "discretized_logistic"])
def test_likelihoods_that_learn_how_wide_they_are(likelihood: str, checks: Checks, model: Model, digits: Data) -> None:
    data = digits(f"data.binarization={'dynamic' if likelihood == 'bernoulli' else 'none'}")
    line = check_result_of(checks["likelihood_scale"], fit(model(f"likelihood={likelihood}"), data, 150), data)
    assert line.verdict == PASSED
    assert line.value == pytest.approx(1, abs=0.3)


def test_a_bernoulli_on_grey_pixels_passes(checks: Checks, model: Model, digits: Data) -> None:
    line = check_result_of(checks["likelihood_scale"], model(), digits())
    assert (line.verdict, line.value) == (PASSED, None)
    assert "pseudo-likelihood" in line.message


def test_a_schedule_ends_before_the_checkpoint(checks: Checks, healthy: VAE, digits: Data) -> None:
    check, given = checks["kl_schedule"], (healthy, digits())
    assert check_result_of(check, *given, {"weight": 200, "free_nats": 0}, 200).verdict == PASSED
    line = check_result_of(check, *given, {"weight": 200, "capacity": 300}, 299)
    assert line.verdict == FAILED
    assert line.message.startswith(
        "the schedule of capacity, weight ends at step 300, and the checkpoint is of step 299;"
    )
    assert check_result_of(check, *given, {"free_nats": 0}, 10).verdict == NOT_APPLICABLE


def test_sizes_of_encoder_and_decoder(checks: Checks, model: Model, digits: Data) -> None:
    check = DecoderBalance(0.1, 10)
    vae = model()
    line = check_result_of(check, vae, digits())
    sizes = [sum(p.numel() for p in part.parameters()) for part in (vae.latent.decoder, vae.latent.encoder)]
    head = sum(p.numel() for p in vae.latent.posterior.parameters())
    assert line.value == pytest.approx(sizes[0] / (sizes[1] + head))
    strong = check_result_of(check, model("decoder.hidden=[512,512]", "encoder.hidden=[32]"), digits())
    assert strong.verdict == FAILED
    assert strong.value > 10
    # Both ways through a ladder run through its rungs, which are counted once.
    ladder = model("model=ladder_vae")
    found = check_result_of(check, ladder, digits()).message.replace(",", "").split()
    assert int(found[1]) + int(found[-1]) == sum(p.numel() for p in ladder.latent.parameters())


def test_an_overfitted_model(checks: Checks, model: Model, digits: Data) -> None:
    few = digits("data.num_validation=1400")
    learned = fit(model("likelihood=gaussian_optimal"), few, 300)
    line = check_result_of(checks["generalization_gap"], learned, few)
    assert line.verdict == FAILED
    assert line.value > 0.3


def test_the_gap_is_in_deviations_of_the_validation_elbo(model: Model, digits: Data) -> None:
    vae = model()
    line = check_result_of(GeneralizationGap(0.0), vae, digits())
    assert line.value == pytest.approx(0, abs=0.3)
    assert (line.verdict == PASSED) == (line.value <= 0)


def test_a_fainter_image_has_fainter_gradients() -> None:
    x = (torch.rand(20, 1, 8, 8) > 0.5).float()
    torch.testing.assert_close(gradient_magnitude(0.1 * x + 7), 0.1 * gradient_magnitude(x), rtol=1e-4, atol=1e-6)


def test_the_gradient_of_a_plane() -> None:
    rows, columns = torch.meshgrid(torch.arange(5.0), torch.arange(6.0), indexing="ij")
    plane = (3 * rows + 4 * columns).expand(2, 1, 5, 6)
    torch.testing.assert_close(gradient_magnitude(plane), torch.full((2, 1, 4, 5), 5.0))


def test_an_untrained_model_is_blurred(checks: Checks, model: Model, digits: Data) -> None:
    assert check_result_of(checks["sharpness"], model(), digits()).verdict == FAILED


def test_lines_without_images(checks: Checks, model: Model, digits: Data) -> None:
    chosen = ("data=linear_gaussian", "likelihood=gaussian")
    assert check_result_of(checks["sharpness"], model(*chosen), digits(*chosen)).verdict == NOT_APPLICABLE


def test_losses_that_are_not_finite(checks: Checks, healthy: VAE, digits: Data) -> None:
    history = History()
    for loss in (1.0, torch.nan, 2.0, torch.inf):
        history.add(torch.tensor(loss), None)
    assert history.state() == {"num_steps": 4, "num_not_finite": 2, "num_clippable": 0, "num_clipped": 0}
    line = check_result_of(checks["finite_losses"], healthy, digits(), history=history)
    assert (line.verdict, line.value) == (FAILED, 2)
    assert check_result_of(checks["finite_losses"], healthy, digits()).verdict == NOT_APPLICABLE


def test_the_share_of_clipped_steps(checks: Checks, healthy: VAE, digits: Data) -> None:
    history = History(num_steps=10, num_clippable=10, num_clipped=6)
    line = check_result_of(checks["clipped_gradients"], healthy, digits(), history=history)
    assert (line.verdict, line.value) == (FAILED, 0.6)
    unclipped = check_result_of(checks["clipped_gradients"], healthy, digits(), history=History(num_steps=10))
    assert unclipped.verdict == NOT_APPLICABLE


@pytest.mark.parametrize("name", ["vae", "hvae", "m1_m2", "vq_vae", "cvae"])
def test_a_sample_of_z_decodes_to_its_own_distortion(name: str, model: Model, batch: Batch) -> None:
    latent = model(f"model={name}").latent.eval()
    terms = latent(batch)
    own = latent.decode(sample_code(latent, terms), batch.y).log_prob(batch.x)
    torch.testing.assert_close(own, terms.log_px[0])


def test_a_tiny_rate(checks: Checks, healthy: VAE, digits: Data) -> None:
    # A decoder may lean on the few nats that are left, so that a wrong z costs far more than they are.
    assert check_result_of(checks["latent_use"], healthy, digits()).verdict == PASSED
    assert check_result_of(replace(checks["latent_use"], min_rate=1000.0), healthy, digits()).verdict == FAILED


def test_a_posterior_without_a_density_has_no_rate(checks: Checks, model: Model, digits: Data) -> None:
    assert "rate" not in check_result_of(checks["latent_use"], model("model=wae_mmd"), digits()).message
    assert "rate" in check_result_of(checks["latent_use"], model(), digits()).message


def test_the_table_fits_a_hundred_columns(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("FORCE_COLOR", "1")  # which Rich takes for a terminal
    line = CheckResult("input range", FAILED, "x in [0, 1] " * 20, 123456.0, "of [bold]")
    print_lines(
        "health",
        [line, CheckResult("KL schedule", NOT_APPLICABLE, "none"), CheckResult("first", PASSED, "yes", 0.12345, "")],
    )
    said = Text.from_ansi(capsys.readouterr().out).plain
    assert max(map(len, said.splitlines())) <= 100
    for word in ("FAILED", "n/a", "passed", "123,456 of [bold]", "0.123", "x in [0, 1]"):
        assert word in said
