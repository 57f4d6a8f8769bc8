"""README and docs: tables, examples and command lines are valid."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbclient
import nbformat
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from readme import DOCS, README, ROOT, TABLES, VARIANTS, with_table

from vaelab.cli.sweep_name import name_sweep

TEXT = README.read_text()
PAGES = [README, *sorted(DOCS.glob("*.md"))]
WHOLE = [README, DOCS / "array.md", DOCS / "python.md"]  # whose blocks build on each other
OWN_PART = (DOCS / "own_part.md").read_text()
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
SMALL = [
    "data=digits",
    "trainer=smoke",
    "evaluation.label_fidelity.num_samples=100",
    "evaluation.sample_quality.num_samples=200",
]


def run(command: list[str], cwd: Path, source: Path = ROOT) -> subprocess.CompletedProcess[str]:
    path = f"{source / 'src'}{os.pathsep}{cwd}"
    environment = {**os.environ, "WANDB_MODE": "offline", "PYTHONPATH": path, "MPLBACKEND": "agg"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), flags=re.S)


def commands(page: Path) -> list[str]:
    lines = "\n".join(blocks(page, "bash")).replace("\\\n", "").splitlines()
    return [line for line in lines if line.startswith(("python train.py ", "vaelab "))]


def files(text: str, *roots: str) -> dict[str, str]:
    """The files that a page shows in full: their names, which begin with one of the roots, and what is in them."""
    return dict(re.findall(rf"^`((?:{'|'.join(roots)})/\S+)`\n\n```\w+\n(.*?)```", text, flags=re.M | re.S))


@pytest.mark.parametrize("page", TABLES, ids=lambda page: page.stem)
def test_tables_are_those_of_conf(page: Path) -> None:
    text = page.read_text()
    assert with_table(text, TABLES[page]) == text, "run python tests/readme.py"


def test_each_variant_is_in_one_family() -> None:
    names = sorted(path.stem for path in (ROOT / "conf" / "model").glob("[!_]*.yaml"))
    assert sorted(re.findall(r"^\| `(\w+)` \|", VARIANTS.read_text(), flags=re.M)) == names
    rows = TEXT.partition("| family |")[2].partition("<!-- end")[0].splitlines()[2:]
    assert sorted(re.findall(r"`(\w+)`", "\n".join(rows))) == names


def test_it_is_short_and_its_pictures_and_links_exist() -> None:
    assert len(TEXT.splitlines()) < 150
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            built = (page.parent / target).relative_to(ROOT).is_relative_to("docs/reference")  # with the site
            assert built or (page.parent / target).is_file(), f"{page.name}: {target}"


def test_the_worked_example_adds_a_variant(tmp_path: Path) -> None:
    for folder in ("src", "conf"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "train.py", tmp_path)
    shown = files(OWN_PART, "src", "conf")
    assert len(shown) == 3
    for name, content in shown.items():
        assert not (tmp_path / name).exists()
        (tmp_path / name).write_text(content)
    done = run([sys.executable, "train.py", "model=sparse_vae", *SMALL, "logger=[csv]"], tmp_path, tmp_path)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "outputs").glob("sparse_vae-digits/*/results.json"))


@pytest.mark.slow
def test_a_plugin_is_chosen_like_everything_else(tmp_path: Path) -> None:
    for name, content in files(OWN_PART, "my_project").items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "my_project" / "__init__.py").touch()
    (line,) = commands(DOCS / "own_part.md")
    words = [*shlex.split(line)[1:], *SMALL[1:], "hydra.run.dir=outputs/run", "logger=csv"]
    done = run([sys.executable, "-m", "vaelab.cli.main", *words], tmp_path)
    assert done.returncode == 0, done.stderr
    config = OmegaConf.load(tmp_path / "outputs" / "run" / "config.yaml")
    assert config.encoder._target_ == "my_project.encoder.ResNet"


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one finished run, made by the first command line of the README that trains."""
    folder = tmp_path_factory.mktemp("readme")
    train = [sys.executable, str(ROOT / "train.py"), "model=cvae", *SMALL, "hydra.run.dir=outputs/run"]
    assert run(train, folder).returncode == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("line", commands(README))
def test_every_command_of_the_readme_runs(line: str, workplace: Path) -> None:
    """The command on small data and a few batches, with the run that exists here."""
    words = [re.sub(r"^data=.*", "data=digits", word) for word in shlex.split(line)]
    words = [re.sub(r"^run=.*", "run=outputs/run", word) for word in words]
    if words[0] == "python":
        words = [sys.executable, str(ROOT / words[1]), *words[2:]] + [one for one in SMALL if one not in words]
    else:
        words = [sys.executable, "-m", "vaelab.cli.main", *words[1:]]
    done = run(list(dict.fromkeys(words)), workplace)
    assert done.returncode == 0, done.stderr


PLACE = {
    "run",
    "first_stage",
    "ckpt",
    "num_samples",
    "y",
    "temperature",
    "init_from",
}  # keys that name what only the reader has
OF_REPORT = {"sweep", "objectives"}  # what it shows; of training, sweep is a group
LINES = [(page.stem, line) for page in PAGES if page != README for line in commands(page)]


@pytest.mark.parametrize(("page", "line"), LINES)
def test_every_command_of_the_docs_composes(page: str, line: str, composed: Callable[..., DictConfig]) -> None:
    """Each choice exists and each key is one of the config that the line composes."""
    if page in ("array", "own_part", "plugins"):
        pytest.skip("needs files that its page makes; the slow tests run the page")
    line = re.sub(r"<[^>]*>", "folder", line)
    words = shlex.split(line, comments=True)[2:]
    words = [word for word in words if not word.startswith("-") and word != "job" and "…" not in word]
    overrides = OverridesParser.create().parse_overrides(words)
    place = PLACE | (OF_REPORT if line.startswith("vaelab report") else set())
    kept = [one for one in overrides if one.key_or_group not in place and not one.key_or_group.startswith("hydra")]
    if any(one.key_or_group == "data.source.root" for one in kept):
        kept.insert(0, OverridesParser.create().parse_override("data=image_folder"))
    if line.startswith("vaelab runs"):  # which filters by keys of saved configs, and sorts
        kept = [one for one in kept if one.key_or_group not in ("sort", "status")]
    texts = name_sweep([first_of_sweep(one.input_line) for one in kept])
    texts = [text for text in texts if not text.startswith("hydra/")]
    config = composed(*dict.fromkeys(second_stage(texts)))
    for text in texts:
        key = text.partition("=")[0]
        recipe = key == "sweep"
        assert key.startswith("+") or recipe or OmegaConf.select(config, key, default=text) != text, f"no key {key}"


def first_of_sweep(text: str) -> str:
    """An override that a single job takes: of a sweep its first value, of an interval its lower end."""
    key, _, value = text.partition("=")
    if match := re.match(r"(?:int\(|tag\(log,)*interval\(([^,]*),", value):
        return f"{key}={match[1]}"
    return text if value.startswith("[") else f"{key}={value.partition(',')[0]}"


def second_stage(texts: list[str]) -> list[str]:
    return (
        [*texts, "first_stage=folder"]
        if any(re.match("model=(latent_|two_stage|code_prior)", one) for one in texts)
        else texts
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_python_of_pages_is_python(page: Path) -> None:
    for block in blocks(page, "python"):
        compile(block, page.name, "exec")


@pytest.mark.slow
@pytest.mark.parametrize("page", WHOLE, ids=lambda page: page.stem)
def test_pages_run_from_top_to_bottom(page: Path, workplace: Path, tmp_path: Path) -> None:
    """The Python of a page is one script; paths of runs are those of the run that exists here."""
    script = "\n".join(blocks(page, "python"))
    script = re.sub(r'vaelab\.load\(".*?"\)', f'vaelab.load("{workplace / "outputs" / "run"}")', script)
    done = run([sys.executable, "-c", script], tmp_path)
    assert done.returncode == 0, done.stderr
    for line in commands(page) if page.stem == "array" else []:
        words = [*shlex.split(line)[1:], "trainer=smoke", "logger=csv"]
        done = run([sys.executable, str(ROOT / words[0]), *words[1:]], tmp_path)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_saved_without_output(path: Path) -> None:
    notebook = json.loads(path.read_text())
    assert notebook["nbformat"] == 4
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            compile("".join(cell["source"]), path.name, "exec")


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a kernel, as a reader runs them; a cell that fails fails the test."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
