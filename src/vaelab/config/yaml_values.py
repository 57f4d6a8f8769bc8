"""What the yamls of vaelab and of plugins say, to distinguish it from what another person has written."""

import re
from functools import cache
from pathlib import Path

from vaelab.config.plugins import folders

GROUPS = "*/*.yaml"
ALL = "**/*.yaml"  # those of the commands too


def stands_in_conf(key: str, text: str, files: str = GROUPS) -> bool:
    """Whether one of the yamls gives this key this value, such as a cache under data/."""
    pattern = rf"^\s*{re.escape(key)}: *{re.escape(text)} *(#.*)?$"
    return re.search(pattern, _text_of(folders(), files), re.MULTILINE) is not None


@cache
def _text_of(folders: tuple[Path, ...], files: str) -> str:
    return "\n".join(file.read_text() for folder in folders for file in folder.glob(files))
