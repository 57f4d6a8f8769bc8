"""The JavaScript that draws the charts of a page."""

import os
from importlib.metadata import version
from pathlib import Path

from vaelab.storage.atomic import replacement
from vaelab.storage.signature import sign, verify


def vega_bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one text for a script element, 0.9 MB.

    Bundling takes vl-convert three seconds, so the text is cached for this user; a page must not carry what somebody
    else has put there, so the cached text is signed.
    """
    name = f"vega-embed-{version('vl-convert-python')}.js"
    file = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vaelab" / name
    return _cached(file) or _build(file)


def _cached(file: Path) -> str | None:
    try:
        content = verify(file.read_bytes(), file.name)
    except OSError:
        return None
    return None if content is None else bytes(content).decode()


def _build(file: Path) -> str:
    import vl_convert  # starts a JavaScript engine

    # Inside a script element, this would end it.
    text = str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")).replace("</script", "<\\/script")
    try:
        signed = sign(text.encode(), file.name) + text.encode()
        with replacement(file) as cache:
            cache.write(signed)
    except (OSError, RuntimeError):
        pass  # without a cache the next page takes three seconds again
    return text
