"""Pages that mkdocs makes as it builds: the API reference from src/vaelab, and one page for each notebook."""

import json
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "vaelab"
INTERNAL = {"cli", "jobs", "printing", "signals"}  # what only commands use


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The reference after the glossary, and the examples, if there are any, before the gallery."""
    rooms = [{title: path} for path, title in references()]
    config.nav[-1]["Reference"].append({"API reference": rooms})
    examples = sorted(
        path.relative_to(config.docs_dir).as_posix() for path in Path(config.docs_dir, "examples").glob("*.md")
    )
    if examples:
        config.nav.insert(4, {"Examples": examples})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for path, title in references():
        files.append(File.generated(config, path, content=reference(title)))
    for notebook in sorted(Path(config.docs_dir, "notebooks").glob("*.ipynb")):
        files.append(File.generated(config, f"notebooks/{notebook.stem}.md", content=notebook_page(notebook)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Links to notebooks lead to their pages; only the page of a notebook links the file itself."""
    if page.file.src_uri.startswith("notebooks/"):
        return markdown
    return re.sub(r"\((\S*notebooks/\w+)\.ipynb\)", r"(\1.md)", markdown)


def references() -> list[tuple[str, str]]:
    """Path and title of each page: the package itself, then each room."""
    rooms = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py") if path.parent.name not in INTERNAL)
    return [("reference/index.md", "vaelab"), *((f"reference/{room}.md", f"vaelab.{room}") for room in rooms)]


def reference(title: str) -> str:
    """Every module of a room, or of the package what does not stand in a room."""
    folder = PACKAGE.joinpath(*title.split(".")[1:])
    paths = folder.glob("*.py") if folder == PACKAGE else folder.rglob("*.py")
    modules = [path for path in sorted(paths) if not path.stem.startswith("_") and path.stem not in INTERNAL]
    names = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in modules]
    if (folder / "__init__.py").read_text().strip():
        names.insert(0, title)
    return "\n\n".join([f"# {title}", *(f"::: {name}\n    options:\n      show_submodules: false" for name in names)])


def notebook_page(notebook: Path) -> str:
    """A notebook as Markdown: text, code blocks, and a link to the file."""
    cells: list[dict[str, Any]] = json.loads(notebook.read_text())["cells"]
    sources = ["".join(cell["source"]) for cell in cells]
    texts = [
        source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```"
        for cell, source in zip(cells, sources, strict=True)
    ]
    texts.insert(1, f"[Download this notebook]({notebook.name}) and run it where vaelab is installed.")
    return "\n\n".join(texts)
