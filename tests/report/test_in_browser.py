"""Both pages in headless Chromium: sliders, pickers, sorting, and nothing asked for from outside."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import CHROMIUM, Page, browser
from commandline import call

from vaelab.report.sweep_page import write_sweep_report

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]
TRAIN = (
    *("model=cvae", "data=digits", "encoder=mlp", "decoder=mlp", "logger=csv"),
    *("trainer=smoke", "trainer.max_epochs=4", "evaluation=[reconstruction,importance]"),
    "callbacks=[checkpoint,sample_grid,evaluate,health_check,report]",
)
SHOWN = "document.querySelector('{}').toDataURL()"
CONTRAST = """(() => {
  const luminance = (text) => text.match(/[0-9.]+/g).slice(0, 3).map((one) => one / 255)
    .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
    .reduce((sum, one, place) => sum + one * [0.2126, 0.7152, 0.0722][place], 0);
  const text = getComputedStyle(document.querySelector('.muted')).color;
  const card = getComputedStyle(document.querySelector('section')).backgroundColor;
  const [high, low] = [luminance(text), luminance(card)].sort((one, other) => other - one);
  return (high + 0.05) / (low + 0.05);
})()"""


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs, each with its page, and their common page."""
    folder = tmp_path_factory.mktemp("sweep")
    for seed, latent_dim in enumerate((2, 3)):
        own = (f"latent_dim={latent_dim}", f"seed={seed}", f"hydra.run.dir={seed}")
        assert call(folder, "train", *TRAIN, *own) == 0
    write_sweep_report(folder)
    return folder


@pytest.fixture
def page() -> Iterator[Page]:
    """A tab that must have asked for nothing from outside, and whose console must be empty in the end."""
    with browser() as one:
        yield one
        assert [url for url in one.requests if not url.startswith(("file:", "data:"))] == []
        assert one.console == []


def move(page: Page, selector: str, value: str) -> None:
    """Set a slider, a picker or a filter as a reader does."""
    place = f"document.querySelector({selector!r})"
    page.evaluate(f"{place}.value = {value!r}")
    page.evaluate(f"{place}.dispatchEvent(new Event('input', {{ bubbles: true }}))")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
@pytest.mark.parametrize("name", ["1/report.html", "report.html"])
def test_it_fits_the_screen(sweep: Path, page: Page, name: str, width: int, scheme: str) -> None:
    page.open(sweep / name, width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    num_charts = page.evaluate("document.querySelectorAll('[data-chart]').length")
    assert num_charts > 3
    assert page.evaluate("document.querySelectorAll('[data-chart] svg').length") == num_charts
    background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert background == {"light": "rgb(251, 251, 253)", "dark": "rgb(20, 22, 27)"}[scheme]
    assert page.evaluate(CONTRAST) > 4.5  # as WCAG 2 asks for text


def test_a_slider_moves_its_picture_and_no_other(sweep: Path, page: Page) -> None:
    page.open(sweep / "1" / "report.html")
    canvases = [SHOWN.format(f'[data-dimension="{place}"] canvas') for place in range(3)]
    value = "document.querySelector('[data-dimension=\"0\"] output').textContent"
    page.wait("[...document.querySelectorAll('#traversals canvas')].every((one) => one.width === 8)")
    before, start = [page.evaluate(canvas) for canvas in canvases], page.evaluate(value)
    move(page, '[data-dimension="0"] input', "14")
    page.wait(f"{canvases[0]} !== '{before[0]}'")
    assert float(page.evaluate(value)) > float(start)
    assert [page.evaluate(canvas) for canvas in canvases[1:]] == before[1:]
    page.evaluate("document.getElementById('middle').click()")
    page.wait(f"{canvases[0]} === '{before[0]}'")


def test_samples_follow_class_and_temperature(sweep: Path, page: Page) -> None:
    page.open(sweep / "1" / "report.html")
    page.wait("[...document.querySelectorAll('#samples canvas')].every((one) => one.width === 8)")
    assert page.evaluate("document.querySelectorAll('#samples .cells').length") == 10
    first = page.evaluate(SHOWN.format("#samples canvas"))
    move(page, "#temperature", "0")
    assert page.evaluate("document.getElementById('temperature-value').textContent") == "0.5"
    page.wait("document.querySelector('#samples canvas').width === 8")
    page.wait(f"{SHOWN.format('#samples canvas')} !== '{first}'")
    move(page, "#class", "7")
    assert page.evaluate("document.querySelectorAll('#samples .cells').length") == 1
    assert page.evaluate("document.querySelector('#samples canvas').title") == "7"


def test_a_switch_makes_values_logarithmic(sweep: Path, page: Page) -> None:
    page.open(sweep / "1" / "report.html")
    drawn = "document.querySelector('[data-chart=\"curve-3\"] svg').innerHTML"
    page.evaluate(f"before = {drawn}")
    page.evaluate("document.querySelector('input[data-log=y]').click()")
    page.wait(f"{drawn} !== before")


def test_a_table_is_sorted_and_filtered(sweep: Path, page: Page) -> None:
    page.open(sweep / "report.html")
    names = "[...document.querySelectorAll('#runs tbody tr')].map((row) => row.cells[0].textContent.trim())"
    assert page.evaluate(names) == ["0", "1"]
    for expected, order in ((["0", "1"], "ascending"), (["1", "0"], "descending")):
        page.evaluate("document.querySelector('#runs th button').click()")
        assert page.evaluate(names) == expected
        assert page.evaluate("document.querySelector('#runs th').getAttribute('aria-sort')") == order
    move(page, "[data-filter]", "latent_dim=3 finished")
    assert page.evaluate("[...document.querySelectorAll('#runs tbody tr')].map((row) => row.hidden)") == [False, True]
    assert page.evaluate("document.getElementById('runs-count').textContent") == "1 of 2"
    link = page.evaluate("document.querySelector('#runs tbody a').getAttribute('href')")
    assert (sweep / link).is_file()


def test_on_paper_it_is_light_and_complete(sweep: Path, page: Page) -> None:
    page.open(sweep / "1" / "report.html", scheme="dark")
    page.send("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(251, 251, 253)"
    assert page.evaluate("getComputedStyle(document.getElementById('theme')).display") == "none"
    assert len(page.send("Page.printToPDF")["data"]) > 10_000
