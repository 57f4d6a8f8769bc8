"""What our own yamls say, to tell it from what somebody else has written."""

import re
from functools import cache

from vaelab.config.paths import CONF

GROUPS = "*/*.yaml"
ALL = "**/*.yaml"  # those of the commands too


def stands_in_conf(key: str, text: str, files: str = GROUPS) -> bool:
    """Whether one of the yamls gives this key this value, such as a cache under data/."""
    pattern = rf"^\s*{re.escape(key)}: *{re.escape(text)} *(#.*)?$"
    return re.search(pattern, _conf_text(files), re.MULTILINE) is not None


@cache
def _conf_text(files: str) -> str:
    return "\n".join(file.read_text() for file in CONF.glob(files))
