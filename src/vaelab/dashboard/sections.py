"""What a dashboard shows: sections of panels over the metrics that runs log."""

from dataclasses import dataclass
from typing import Literal

PICTURES = ("reconstruction_grid", "sample_grid", "latent_traversal", "interpolation")


@dataclass(frozen=True)
class Curve:
    """Metrics over the steps of training, by their names or by a regular expression.

    With `over`, the x-axis is another metric. A `stacked` plot adds its curves up.
    """

    title: str
    unit: str
    keys: tuple[str, ...] = ()
    regex: str = ""
    over: str = "trainer/global_step"
    stacked: bool = False
    log: bool = False


@dataclass(frozen=True)
class Plane:
    """A point for each run: the last values of two metrics."""

    title: str
    unit: str
    x: str
    y: str


@dataclass(frozen=True)
class Picture:
    """The pictures of one name, with a slider over the steps."""

    title: str
    key: str


@dataclass(frozen=True)
class Checks:
    """A table that each run logs at its end."""

    title: str
    key: str


Panel = Curve | Plane | Picture | Checks


@dataclass(frozen=True)
class Section:
    """A row of panels. Sections that only some models fill are closed at first."""

    name: str
    panels: tuple[Panel, ...]
    shown: Literal["open", "closed"] = "open"


NATS = "nats per example"

SECTIONS = (
    Section(
        "Bound",
        (
            Curve("ELBO without KL control, validation", NATS, ("val/elbo",)),
            Curve("bound that the objective maximises, validation", NATS, ("val/bound",)),
            Curve("negative log-likelihood, test", NATS, regex=r"test/(nll|bce)/.*"),
            Curve("training loss", NATS, ("train/loss",)),
        ),
    ),
    Section(
        "Rate and distortion",
        (
            Curve("rate, validation", NATS, ("val/rate",)),
            Curve("distortion, validation", NATS, ("val/distortion",)),
            Curve("distortion over rate in the course of training", NATS, ("val/distortion",), over="val/rate"),
            Plane("rate-distortion plane, one point per run", NATS, "val/rate", "val/distortion.last"),
        ),
    ),
    Section(
        "Rate of each latent group",
        (
            Picture("KL of each latent group over steps, nats per example", "images/kl_heat_map"),
            Curve("KL of each latent group, stacked to the rate", NATS, regex=r"val/kl/\d+", stacked=True),
            Curve("KL of each level of a hierarchy", NATS, regex=r"val/kl/level\d+"),
        ),
    ),
    Section(
        "Latents",
        (
            Curve("active units, validation", "dimensions", ("latent/active_units",)),
            Curve("mutual information of z and x, validation", "nats", ("latent/mutual_information",)),
        ),
    ),
    Section(
        "Pictures",
        (
            *(Picture(f"{name.replace('_', ' ')}, validation", f"images/{name}") for name in PICTURES),
            *(Picture(f"{name.replace('_', ' ')}, test", f"test/images/{name}") for name in PICTURES),
        ),
    ),
    Section(
        "Samples",
        (
            Curve("FID and its floor, test", "squared distance of features", regex=r"(val|test)/fid/.*"),
            Curve("KID and its floor, test", "squared MMD of features", regex=r"(val|test)/kid/.*"),
            Curve("precision and recall, test", "shares", regex=r"(val|test)/(precision|recall)/.*"),
            Curve("density and coverage, test", "balls, share", regex=r"(val|test)/(density|coverage)/.*"),
            Curve("label fidelity, test", "share", regex=r"(val|test)/label_fidelity.*"),
        ),
    ),
    Section(
        "Control",
        (
            Curve("weight of the KL term", "factor", ("kl/weight",)),
            Curve("capacity", NATS, ("kl/capacity",)),
            Curve("free bits of each group", "nats", ("kl/free_nats",)),
            Curve("temperature", "factor", ("control/temperature",)),
        ),
        "closed",
    ),
    Section(
        "Codebook",
        (
            Curve("perplexity of the codes, validation", "codes", ("latent/perplexity",)),
            Curve("codes in use, validation", "share", ("latent/code_share",)),
            Curve("perplexity of the codes of a batch", "codes", ("train/perplexity",)),
        ),
        "closed",
    ),
    Section(
        "Adversary",
        (
            Curve("loss of the discriminator", "nats", ("train/discriminator",)),
            Curve("penalty of the model", NATS, ("train/adversary",)),
            Curve("logits of the discriminator", "nats", ("train/logit_genuine", "train/logit_fake")),
            Curve("gradient norm of the discriminator", "", ("train/adversary_gradient_norm",), log=True),
        ),
        "closed",
    ),
    Section(
        "Machine",
        (
            Curve("speed of training", "examples per second", ("machine/examples_per_second",)),
            Curve("speed of training", "steps per second", ("machine/steps_per_second",)),
            Curve("peak of memory", "GiB", ("machine/peak_memory", "machine/peak_gpu_memory")),
            Curve("gradient norm", "", ("train/gradient_norm",), log=True),
        ),
        "closed",
    ),
    Section(
        "Health",
        (
            Checks("checklist", "health/checks"),
            Curve("checks that failed", "checks", ("health/failed",)),
        ),
    ),
)
