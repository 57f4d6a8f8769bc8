"""Where the configs are: beside the package in a checkout, inside it once installed."""

from pathlib import Path

_inside = Path(__file__).parents[1] / "conf"
CONF = _inside if _inside.exists() else Path(__file__).parents[3] / "conf"
