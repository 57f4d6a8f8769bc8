"""Printed output at every width contains every name, number and unit, without markup."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.text import Text

from vaelab.cli.sweep_table import compare
from vaelab.evaluation.measurement import Measurement
from vaelab.evaluation.record import Record
from vaelab.health.check_result import FAILED, CheckResult, print_lines
from vaelab.jobs.results_table import number, print_results
from vaelab.printing import print_line, print_table, printed, track

Shown = Callable[[], str]

NASTY = (
    "[bold]",
    "[/]",
    "a[b]c",
    "[/red]",
    ":smile:",
    "it's",
    'say "hi"',
    "a, b=c",
    "two\nlines",
    "\\[x]",
    "ünï",
    "a  b",
)
FIGURES = [
    Measurement("elbo", -240.7412, "nats per example", 10_000, error=0.51234),
    Measurement("fid/fashion_mnist_cnn128/n10000", 9.6179, "squared distance of features", 10_000, floor=0.1512),
    Measurement("label_fidelity/a_classifier_with_a_long_name/epochs20/acc0.9132", 0.845, "share of samples", 10_000),
    Measurement("ess/iw50000", 123456.75, "of 50000 importance weights, the more the better, per example", 9),
    Measurement("a[bold]/:smile:/[/]", 1e-9, "of [red]5[/red] dimensions :smile:", 1_000_000),
]


@pytest.fixture(params=[40, 80, 200, None], ids=lambda width: f"{width or 'pipe'}")
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int | None:
    """Of a terminal; None is a file or a pipe, where COLUMNS says nothing."""
    monkeypatch.setenv("COLUMNS", str(request.param or 80))
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):  # which Rich takes for a terminal
        monkeypatch.setenv(name, "1") if request.param else monkeypatch.delenv(name, raising=False)
    return request.param


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Shown:
    """What was printed by then, without its colours."""
    return lambda: Text.from_ansi(capsys.readouterr().out).plain


def squeezed(text: str) -> str:
    return "".join(text.split())


def record(measurement: Measurement) -> Record:
    return Record(measurement, "test", "digits", False, 500, 0, "32-true", 1.0, "0")


@pytest.mark.parametrize("measurement", FIGURES, ids=lambda measurement: measurement.name)
def test_results_can_be_read_back(measurement: Measurement, width: int | None, shown: Shown) -> None:
    print_results({measurement.name: record(measurement)}, Path("outputs"))
    _, _, header, _, *lines, folder = shown().rstrip("\n").split("\n")
    name_end = header.index("value") + len("value") - max(7, len(number(measurement.value)))
    assert squeezed("".join(line[:name_end] for line in lines)) == squeezed(measurement.name)
    assert squeezed("".join(line[header.index("unit") :] for line in lines)) == squeezed(measurement.unit)
    measured = [number(each) for each in (measurement.value, measurement.error, measurement.floor) if each is not None]
    assert lines[0][name_end : header.index("unit")].split() == [*measured, str(measurement.num_examples)]
    assert folder == "run folder: outputs"


def test_a_table_fits_its_terminal_where_names_can_be_folded(width: int | None, shown: Shown) -> None:
    print_results({measurement.name: record(measurement) for measurement in FIGURES}, Path("outputs"))
    text = shown()
    longest = max(map(len, text.splitlines()))
    if width is None:
        assert all(measurement.name in text and measurement.unit in text for measurement in FIGURES)
    elif width >= 80:
        assert longest <= width
    assert "…" not in text


def test_the_comparison_can_be_read_back(width: int | None, shown: Shown) -> None:
    variants = {"model=beta_vae objective.beta=[1,2]": [{"fid/[bold]/n10000": 9.6}, {"fid/[bold]/n10000": 9.7}]}
    print_table(compare({**variants, "model='[/]'": [{"elbo": -123456.789}]}))
    text = shown()
    assert "…" not in text
    assert "9.650 ± 0.050" in text
    assert "-123457" in text
    if width is None or width >= 80:
        for name in ("fid/[bold]/n10000", "objective.beta=[1,2]", "model='[/]'"):
            assert name in text
    if width is not None and width >= 80:
        assert max(map(len, text.splitlines())) <= width


def test_the_checklist_can_be_read_back(width: int | None, shown: Shown) -> None:
    sentence = "x lies in [0, 1] :smile: [/] " * 9
    print_lines(
        "health of data=[bold]", [CheckResult("input range", FAILED, sentence.strip(), 123456.0, "of [bold] nats")]
    )
    title, _, header, _, *lines = shown().rstrip("\n").split("\n")
    assert title.strip() == "health of data=[bold]"
    columns = [header.index(name) for name in ("line", "verdict", "value", "message")]
    cells = [
        squeezed("".join(line[start:end] for line in lines))
        for start, end in zip(columns, [*columns[1:], None], strict=True)
    ]
    assert cells == ["inputrange", "FAILED", "123,456of[bold]nats", squeezed(sentence)]
    assert width is None or width < 80 or max(map(len, (header, *lines))) <= width


@pytest.mark.parametrize("name", NASTY)
def test_a_folder_is_printed_without_markup(name: str, width: int | None, shown: Shown) -> None:
    folder = Path("outputs") / name / ("long " * 30)
    print_results({}, folder)
    assert shown().endswith(f"run folder: {folder}\n")


def test_characters_that_the_stream_cannot_encode_are_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(printed, "disabled", True)  # pytest's own report has to be UTF-8
    print_line("1 ± 2")
    print_results({"a": record(FIGURES[0])}, Path("folder\udcff"))  # a name that is not UTF-8
    text = stream.buffer.getvalue().decode()
    assert text.startswith("1 \\xb1 2\n")
    assert "folder\\udcff" in text


@pytest.mark.parametrize("label", NASTY)
def test_a_label_of_a_progress_bar_is_not_markup(label: str, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert list(track([1, 2], label, 2)) == [1, 2]
    said = shown()
    assert all(line in said for line in label.splitlines())
