"""Numbers as a page shows them."""

import math


def format_number(value: float | None, digits: int = 5) -> str:
    """A number with this many significant digits, at most four decimals if it is not tiny; empty for None.

    >>> format_number(-249.4381), format_number(8.0), format_number(0.07123, 3), format_number(0.00014)
    ('−249.44', '8', '0.0712', '0.00014')
    """
    if value is None:
        return ""
    if value == round(value) and abs(value) < 1e6:
        text = f"{value:,.0f}"
    elif abs(value) < 1e-3:
        text = f"{value:.2g}"
    else:
        text = f"{value:,.{max(0, min(4, digits - 1 - math.floor(math.log10(abs(value)))))}f}"
    return text.replace("-", "−")
