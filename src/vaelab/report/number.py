"""Numbers as a page shows them."""


def format_number(value: float | None, digits: int = 5) -> str:
    """A number with this many significant digits, at most four decimals if it is not tiny; empty for None."""
    if value is None:
        return ""
    if value == int(value) and abs(value) < 1e6:
        text = f"{value:,.0f}"
    elif abs(value) < 1e-3:
        text = f"{value:.2g}"
    else:
        text = f"{value:,.{max(0, min(4, digits - len(f'{abs(value):.0f}')))}f}"
    return text.replace("-", "−")
