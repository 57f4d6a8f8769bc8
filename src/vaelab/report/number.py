"""Numbers as a page shows them."""


def format_number(value: float | None) -> str:
    """Five significant digits, at most four decimals; empty for None."""
    if value is None:
        return ""
    if value and abs(value) < 1e-3:
        return f"{value:.2g}"
    places = max(0, min(4, 5 - len(f"{abs(value):.0f}")))
    return f"{value:,.{places}f}".replace("-", "−")
