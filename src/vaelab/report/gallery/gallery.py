"""All pictures of a run's page."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from vaelab.evaluation.context import EvaluationContext
from vaelab.report.gallery.interpolations import Interpolations, draw_interpolations
from vaelab.report.gallery.pixels import has_pictures, size_on_sheet
from vaelab.report.gallery.reconstructions import Reconstructions, draw_reconstructions
from vaelab.report.gallery.samples import Samples, draw_samples
from vaelab.report.gallery.traversals import Traversals, draw_traversals

log = logging.getLogger(__name__)
T = TypeVar("T")
# How the pictures of a page are divided among its sections.
RECONSTRUCTIONS, SAMPLES, TRAVERSALS, INTERPOLATIONS = 0.06, 0.5, 0.34, 0.1
MAX_RECONSTRUCTIONS = 48


@dataclass(frozen=True)
class Gallery:
    """Pictures of a model; None where model or data have none, and in `notes` a sentence for each that failed."""

    reconstructions: Reconstructions | None = None
    samples: Samples | None = None
    traversals: Traversals | None = None
    interpolations: Interpolations | None = None
    notes: tuple[str, ...] = ()


def draw_gallery(
    context: EvaluationContext, temperatures: Sequence[float], max_dimensions: int, max_values: int
) -> Gallery:
    """Draw the pictures of a model in evaluation mode, on one process; data that are not images have none.

    Args:
        context: the model and the split whose images are shown.
        temperatures: of the prior, for the samples.
        max_dimensions: largest number of latent dimensions to traverse.
        max_values: largest number of pixel values of all pictures together, which bounds the size of the page.
    """
    shape = context.data.shape
    if not has_pictures(shape):
        return Gallery()
    height, width = size_on_sheet(shape)
    num, notes = max_values // (shape[0] * height * width), []

    def attempt(name: str, draw: Callable[[], T | None]) -> T | None:
        try:
            with context.seeded("report", name):
                return draw()
        except Exception as error:  # one picture less; the others and the figures are worth a page
            notes.append(f"The {name} could not be drawn: {error}")
            log.warning("the report has no %s: %s", name, error)
            return None

    return Gallery(
        attempt(
            "reconstructions",
            lambda: draw_reconstructions(context, min(MAX_RECONSTRUCTIONS, round(RECONSTRUCTIONS * num))),
        ),
        attempt("samples", lambda: draw_samples(context, temperatures, round(SAMPLES * num))),
        attempt("traversals", lambda: draw_traversals(context, max_dimensions, round(TRAVERSALS * num))),
        attempt("interpolations", lambda: draw_interpolations(context, round(INTERPOLATIONS * num))),
        tuple(notes),
    )
