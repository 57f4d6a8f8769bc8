"""What the README says is true: its table, its length, its example and its commands."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from readme import README, ROOT, TABLES, with_table

TEXT = README.read_text()
SMALL = [
    "data=digits",
    "trainer=smoke",
    "evaluation.label_fidelity.num_samples=100",
    "evaluation.sample_quality.num_samples=200",
]


def run(command: list[str], cwd: Path, source: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "WANDB_MODE": "offline", "PYTHONPATH": str(source / "src")}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("page", TABLES, ids=lambda page: page.stem)
def test_tables_are_those_of_conf(page: Path) -> None:
    text = page.read_text()
    assert with_table(text, TABLES[page]) == text, "run python tests/readme.py"


def test_it_is_short_and_its_pictures_exist() -> None:
    assert len(TEXT.splitlines()) < 200
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", TEXT):
        assert (ROOT / picture).is_file()


def test_the_worked_example_adds_a_variant(tmp_path: Path) -> None:
    for folder in ("src", "conf"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "train.py", tmp_path)
    files = re.findall(r"^`((?:src|conf)/\S+)`\n\n```\w+\n(.*?)```", TEXT, flags=re.M | re.S)
    assert len(files) == 3
    for name, content in files:
        assert not (tmp_path / name).exists()
        (tmp_path / name).write_text(content)
    done = run([sys.executable, "train.py", "model=sparse_vae", *SMALL, "logger=[csv]"], tmp_path, tmp_path)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "outputs").glob("sparse_vae-digits/*/results.json"))


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one finished run, made by the first command line of the README that trains."""
    folder = tmp_path_factory.mktemp("readme")
    train = [sys.executable, str(ROOT / "train.py"), "model=cvae", *SMALL, "hydra.run.dir=outputs/run"]
    assert run(train, folder).returncode == 0
    return folder


def commands() -> list[str]:
    blocks = "\n".join(re.findall(r"```bash\n(.*?)```", TEXT, flags=re.S))
    return [line for line in blocks.splitlines() if line.startswith(("python ", "vaelab "))]


@pytest.mark.parametrize("line", commands())
def test_every_command_runs(line: str, workplace: Path) -> None:
    """As it stands, but on small data, a few batches, and the run that exists here."""
    words = [re.sub(r"^data=.*", "data=digits", word) for word in shlex.split(line)]
    words = [re.sub(r"^run=.*", "run=outputs/run", word) for word in words]
    if words[0] == "python":
        words = [sys.executable, str(ROOT / words[1]), *words[2:]] + [one for one in SMALL if one not in words]
    else:
        words = [sys.executable, "-m", "vaelab.cli.main", *words[1:]]
    done = run(list(dict.fromkeys(words)), workplace)
    assert done.returncode == 0, done.stderr
