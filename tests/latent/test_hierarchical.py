"""Laws of every structure with levels: densities, order of the rows, codes, temperatures, free bits."""

import math
from collections.abc import Callable

import pytest
import torch
from known import source
from torch import Tensor
from torch.distributions import kl_divergence

from vaelab.errors import UserError
from vaelab.latent.hierarchical import Hierarchical
from vaelab.metric.bounds import streamed_bound
from vaelab.model.vae import VAE
from vaelab.terms import Batch

SMALL = {
    "hvae": ("latent.levels.hidden=[16]",),
    "ladder_vae": ("latent.levels.width=24",),
    "conv_ladder_vae": ("latent.levels.channels=6", "latent.levels.num_resolutions=2"),
}
SIZES = {"hvae": [4, 4, 4], "ladder_vae": [4, 4, 4], "conv_ladder_vae": [4, 32, 128]}

every_hierarchy = pytest.mark.parametrize("name", SMALL)


@pytest.fixture
def levels(model: Callable[..., VAE]) -> Callable[..., VAE]:
    """A small hierarchy of three levels, or of another number."""
    return lambda name, *more: model(f"model={name}", "latent.num_levels=3", *SMALL[name], *more)


def some(num_examples: int = 6) -> Batch:
    return Batch(torch.rand(num_examples, 1, 8, 8).round(), torch.arange(num_examples) % 10, torch.arange(num_examples))


@every_hierarchy
@pytest.mark.parametrize("condition", ["none", "label"])
def test_each_sample_of_each_example_is_scored_as_if_it_were_alone(
    name: str, condition: str, levels: Callable[..., VAE]
) -> None:
    latent, batch = levels(name, f"condition={condition}").latent, some()
    terms = latent(batch, 3)
    top, seen = latent.infer(batch.x, batch.y)
    c = latent.condition(batch.y, batch.x)
    kl = torch.zeros(3, 6, 3)
    for s in range(3):
        z = [each[s] for each in terms.latents]
        state, prior = latent.levels.start(z[0], c), latent.prior(c)
        log_pz, log_qz = prior.log_prob(z[0]), top.log_prob(z[0])
        kl[s, :, 0] = kl_divergence(top, prior)
        for number, rung in enumerate(latent.levels.rungs, 1):
            prior = rung.prior(state)
            posterior = rung.posterior(state, seen[number - 1], prior)
            log_pz, log_qz = log_pz + prior.log_prob(z[number]), log_qz + posterior.log_prob(z[number])
            kl[s, :, number] = kl_divergence(posterior, prior)
            state = rung.step(state, z[number])
        log_px = latent.likelihood(latent.levels.output(state, c)).log_prob(batch.x)
        for found, expected in ((terms.log_pz, log_pz), (terms.log_qz, log_qz), (terms.log_px, log_px)):
            torch.testing.assert_close(found[s], expected, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(terms.kl, kl.mean(0))
    torch.testing.assert_close(torch.stack([terms.diagnostics[f"kl/level{n}"] for n in (1, 2, 3)], 1), terms.kl)


@every_hierarchy
def test_the_divergence_is_the_mean_of_the_log_ratio(name: str, levels: Callable[..., VAE]) -> None:
    with torch.no_grad():
        terms = levels(name).latent(some(2), 4000)
    ratio = terms.log_qz - terms.log_pz
    error = (ratio.mean(0) - terms.kl.sum(1)).abs()
    assert (error < 5 * ratio.std(0) / math.sqrt(4000)).all()


@every_hierarchy
def test_a_code_is_all_levels_side_by_side_and_decodes_to_the_same(name: str, levels: Callable[..., VAE]) -> None:
    latent, batch = levels(name, "condition=label").latent, some()
    terms = latent(batch, 2)
    assert [z.shape for z in terms.latents] == [(2, 6, size) for size in SIZES[name]]
    z = torch.cat(terms.latents, -1)
    torch.testing.assert_close(latent.decode(z, batch.y).log_prob(batch.x), terms.log_px)
    code = latent.encode(batch.x, batch.y)
    assert code.shape == latent.draw(6, batch.y).shape == (6, sum(SIZES[name]))
    assert terms.prior.event_shape == terms.posterior.event_shape == code.shape[1:]
    torch.testing.assert_close(terms.posterior.log_prob(z), terms.log_qz)
    torch.testing.assert_close(terms.prior.log_prob(z), terms.log_pz)


@every_hierarchy
def test_bounds_stay_below_the_evidence(name: str, levels: Callable[..., VAE]) -> None:
    """On linear_gaussian, after a little training: ELBO <= IW-20 <= log p(x)."""
    data = source()
    x = data.load("test").x[:100].view(-1, 1, 2, 4)
    vae = levels(name, "data.shape=[1,2,4]", "likelihood=gaussian", "likelihood.scale=0.5")
    batch = Batch(x, None, torch.arange(100))
    optimizer = torch.optim.Adam(vae.parameters(), lr=1e-2, fused=True)
    for _ in range(30):
        optimizer.zero_grad()
        vae.loss_of(batch).total.backward()
        optimizer.step()
    with torch.no_grad():
        elbo = torch.stack([vae.latent(batch).log_weight.double() for _ in range(20)]).mean(0)[0]
        tighter = streamed_bound(vae.latent, batch, 20, 7)
    truth = data.log_prob(x.flatten(1).double())
    # The model was trained on these very examples, so it is the mean of many that p(x) bounds, not each.
    assert elbo.mean() < tighter.mean() < truth.mean() + 4 * truth.std() / math.sqrt(100)
    assert elbo.mean() > truth.mean() - 30


@every_hierarchy
def test_the_way_up_runs_once_per_example_and_the_way_down_once_per_sample(
    name: str, levels: Callable[..., VAE]
) -> None:
    latent, rows = levels(name).latent, {"up": [], "down": []}
    up, down = ("encoder", "decoder") if name == "hvae" else ("stem", "head")
    for way, network in (("up", getattr(latent.levels, up)), ("down", getattr(latent.levels, down))):
        network.register_forward_hook(lambda module, inputs, output, way=way: rows[way].append(len(inputs[0])))
    with torch.no_grad():
        streamed_bound(latent, some(3), 7, 5)
    assert rows == {"up": [3], "down": [15, 6]}


@every_hierarchy
def test_a_batch_without_examples(name: str, levels: Callable[..., VAE]) -> None:
    latent, nothing = levels(name).latent, some(0)
    terms = latent(nothing, 2)
    assert terms.log_weight.shape == (2, 0)
    assert terms.kl.shape == (0, 3)
    assert latent.reconstruct(nothing.x, nothing.y).shape == (0, 1, 8, 8)
    assert streamed_bound(latent, nothing, 5, 3).shape == (0,)


@every_hierarchy
def test_a_level_below_its_free_bits_costs_nothing(name: str, levels: Callable[..., VAE]) -> None:
    vae = levels(name)
    kl = vae.latent(some(), 1).kl.detach().requires_grad_()
    means = kl.mean(0)
    floor = means.sort().values[:2].mean().item()
    vae.control.write("free_nats", floor)
    (slope,) = torch.autograd.grad(vae.control(kl), kl)
    torch.testing.assert_close(slope, (means > floor).float().expand(6, -1) / 6)
    assert (means > floor).sum() == 2


@every_hierarchy
def test_every_level_has_a_temperature_of_its_own(name: str, levels: Callable[..., VAE]) -> None:
    latent = levels(name).latent

    def spreads(temperature: float | list[float]) -> Tensor:
        """Of each level, given the levels above."""
        torch.manual_seed(1)
        top, *below = latent.draw(500, None, temperature).split(SIZES[name], 1)
        rows, state = [top.std()], latent.levels.start(top, torch.zeros(500, 0))
        for rung, z in zip(latent.levels.rungs, below, strict=True):
            base = rung.prior(state).base_dist
            rows.append(((z - base.loc) / base.scale).std())
            state = rung.step(state, z)
        return torch.stack(rows)

    with torch.no_grad():
        torch.testing.assert_close(spreads([0.5, 1.0, 2.0]), torch.tensor([0.5, 1.0, 2.0]), rtol=0.1, atol=0)
        torch.testing.assert_close(spreads(0.3), torch.full((3,), 0.3), rtol=0.1, atol=0)
        assert torch.equal(spreads([0.7] * 3), spreads(0.7))


def test_temperatures_for_another_number_of_levels_are_refused(levels: Callable[..., VAE]) -> None:
    with pytest.raises(UserError) as caught:
        levels("hvae").latent.sample(2, None, [0.5, 1.0])
    assert str(caught.value) == (
        "temperature=[0.5, 1.0] has 2 entries, but this model has 3 levels; "
        "give one number for all, or one for each, the top first"
    )


@every_hierarchy
def test_the_label_reaches_the_image(name: str, levels: Callable[..., VAE]) -> None:
    latent: Hierarchical = levels(name, "condition=label").latent
    images = []
    for y in (2, 7):
        torch.manual_seed(3)
        images.append(latent.sample(4, torch.full((4,), y)))
    assert not torch.allclose(*images)
    assert latent.conditional
