"""Terms of one latent vector against torch.distributions, shapes, and number of network calls."""

import math
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Distribution, Normal, kl_divergence, normal

from vaelab.latent.single import Single
from vaelab.metric.bounds import importance_weighted_bound, streamed_bound
from vaelab.model.vae import VAE
from vaelab.terms import Batch, Terms

SHAPES = [(1, 8, 8), (3, 5, 7), (1, 28, 28)]

every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


@pytest.fixture
def single(model: Callable[..., VAE]) -> Callable[..., Single]:
    def single(shape: Sequence[int], *overrides: str) -> Single:
        return model(f"data.shape={list(shape)}", *overrides).latent

    return single


def some(shape: Sequence[int], num_examples: int = 6, labelled: bool = True) -> Batch:
    y = torch.arange(num_examples) % 10 if labelled else None
    return Batch(torch.rand(num_examples, *shape).round(), y, torch.arange(num_examples))


def density(name: str, parameters: Tensor) -> Distribution:
    """p(x|z) of each pixel, [S, B, *shape], straight from torch."""
    return Bernoulli(logits=parameters) if name == "bernoulli" else Normal(parameters, 1.0)


@every_shape
@pytest.mark.parametrize("latent_dim", [1, 7])
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("chosen", ["vae", "cvae"])
def test_loss_is_negative_log_likelihood_plus_divergence_in_nats(
    shape: tuple[int, ...], latent_dim: int, likelihood: str, chosen: str, model: Callable[..., VAE]
) -> None:
    overrides = (f"data.shape={list(shape)}", f"latent_dim={latent_dim}", f"likelihood={likelihood}")
    vae, batch = model(f"model={chosen}", *overrides), some(shape)
    terms = vae.latent(batch, 2)
    loss = vae.objective(terms, vae.control)
    c = torch.eye(10)[batch.y] if chosen == "cvae" else torch.zeros(6, 0)
    loc, raw = vae.latent.posterior.head(vae.latent.encoder(batch.x, c)).chunk(2, -1)
    posterior = Normal(loc, (7 * (raw / 7).tanh()).exp())
    (z,) = terms.latents
    expected = []
    for s in range(2):
        pixels = density(likelihood, vae.latent.decoder(z[s], c)[:, 0]).log_prob(batch.x)
        divergence = kl_divergence(posterior, Normal(0.0, 1.0))
        expected += [-pixels[b].sum() + divergence[b].sum() for b in range(6)]
        torch.testing.assert_close(terms.log_px[s], pixels.flatten(1).sum(1))
        torch.testing.assert_close(terms.log_qz[s], posterior.log_prob(z[s]).sum(1))
        torch.testing.assert_close(terms.log_pz[s], Normal(0.0, 1.0).log_prob(z[s]).sum(1))
    torch.testing.assert_close(loss.total, torch.stack(expected).mean())
    assert terms.kl.shape == (6, latent_dim)
    assert terms.log_px.shape == terms.log_pz.shape == terms.log_qz.shape == (2, 6)


@pytest.mark.parametrize("control", [{}, {"free_nats": 0.01}, {"capacity": 0.5}])
def test_the_gradient_does_not_change_when_the_batch_is_repeated(
    control: dict[str, float], model: Callable[..., VAE], monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = torch.randn(6, 4)
    # The noise of an example is repeated with it.
    repeated = lambda shape, dtype, device: noise.repeat(-(-shape[1] // 6), 1)[: shape[1]].expand(shape)  # noqa: E731
    monkeypatch.setattr(normal, "_standard_normal", repeated)
    batch, gradients = some((1, 8, 8)), []
    for times in (1, 3):
        vae = model("model=cvae")
        for field, value in control.items():
            vae.control.write(field, value)
        x, y = batch.x.repeat(times, 1, 1, 1), batch.y.repeat(times)
        vae.objective(vae.latent(Batch(x, y, torch.arange(len(x)))), vae.control).total.backward()
        gradients.append([parameter.grad for parameter in vae.parameters()])
    torch.testing.assert_close(gradients[1], gradients[0])


class Calls:
    """Counts the calls of a network and the rows that it was given."""

    def __init__(self, network: torch.nn.Module) -> None:
        self.rows: list[int] = []
        network.register_forward_hook(lambda module, inputs, output: self.rows.append(len(inputs[0])))


@pytest.mark.parametrize(("k", "chunks"), [(1, [1]), (7, [7]), (150, [100, 50]), (200, [100, 100])])
def test_decodes_exactly_k_samples_per_example_after_one_run_of_the_encoder(
    k: int, chunks: list[int], single: Callable[..., Single]
) -> None:
    latent, batch = single((1, 8, 8)), some((1, 8, 8), num_examples=3)
    encoder, decoder = Calls(latent.encoder), Calls(latent.decoder)
    with torch.no_grad():
        streamed_bound(latent, batch, k, 100)
    assert encoder.rows == [3]
    assert decoder.rows == [3 * chunk for chunk in chunks]


@pytest.mark.parametrize("num_samples", [1, 5])
def test_terms_need_one_run_of_the_encoder(num_samples: int, single: Callable[..., Single]) -> None:
    latent, batch = single((1, 8, 8)), some((1, 8, 8))
    encoder, decoder = Calls(latent.encoder), Calls(latent.decoder)
    assert latent(batch, num_samples).log_px.shape == (num_samples, 6)
    assert (encoder.rows, decoder.rows) == ([6], [6 * num_samples])


@pytest.mark.parametrize("k", [1, 7, 150])
def test_a_bound_in_chunks_is_the_bound_of_all_samples_at_once(k: int) -> None:
    log_weight = 30 * torch.randn(k, 4) - 500

    class Recorded:
        """Returns recorded weights, as many as are requested."""

        def infer(self, x: Tensor, y: None) -> list[Tensor]:
            return list(log_weight)

        def score(self, batch: Batch, rest: list[Tensor], num_samples: int) -> Terms:
            taken = torch.stack([rest.pop(0) for _ in range(num_samples)])
            nothing = torch.zeros_like(taken)
            return Terms(taken, nothing, nothing, torch.zeros(4, 1), (), None, None, batch.x)

    found = streamed_bound(Recorded(), some((2,), 4, labelled=False), k, 100)
    torch.testing.assert_close(found, importance_weighted_bound(log_weight.double()))


@every_shape
@pytest.mark.parametrize("chosen", ["vae", "cvae"])
def test_shapes(shape: tuple[int, ...], chosen: str, single: Callable[..., Single]) -> None:
    latent, batch = single(shape, f"model={chosen}"), some(shape)
    y = batch.y if latent.conditional else None
    assert latent.conditional == (chosen == "cvae")
    assert latent.encode(batch.x, batch.y).shape == (6, 4)
    assert latent.reconstruct(batch.x, batch.y).shape == (6, *shape)
    assert latent.draw(6, y).shape == (6, 4)
    assert latent.sample(6, y).shape == (6, *shape)
    for sizes in ((6,), (2, 6), (3, 2, 6)):
        decoded = latent.decode(torch.randn(*sizes, 4), y)
        assert (decoded.batch_shape, decoded.event_shape) == (sizes, shape)


def test_each_sample_is_decoded_with_the_label_of_its_example(single: Callable[..., Single]) -> None:
    latent, batch = single((1, 8, 8), "model=cvae"), some((1, 8, 8))
    z = torch.randn(5, 6, 4)
    together = latent.decode(z, batch.y).mean
    for s in range(5):
        for b in range(6):
            alone = latent.decode(z[s, b : b + 1], batch.y[b : b + 1]).mean[0]
            torch.testing.assert_close(together[s, b], alone)


def test_temperature_multiplies_the_scale_of_the_prior(single: Callable[..., Single]) -> None:
    latent = single((1, 8, 8))
    for temperature in (0.5, 1.0, 2.0):
        drawn = latent.draw(20_000, None, temperature)
        assert drawn.std().item() == pytest.approx(temperature, rel=5 / math.sqrt(2 * drawn.numel()))


def test_posterior_and_prior_of_different_sizes_are_an_error(single: Callable[..., Single]) -> None:
    with pytest.raises(ValueError, match="posterior is over latents") as caught:
        single((1, 8, 8), "prior.latent_dim=5")(some((1, 8, 8)))
    assert str(caught.value) == (
        "the posterior is over latents of shape [4], but the prior over [5]; "
        "set latent_dim, which both read, and not one of them alone"
    )
