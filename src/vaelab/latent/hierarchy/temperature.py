"""One temperature for each level."""

from collections.abc import Sequence

from vaelab.errors import UserError


def temperature_per_level(temperature: float | Sequence[float], num_levels: int) -> list[float]:
    """The temperature of each level, the top first; one number applies to all levels."""
    if isinstance(temperature, int | float):
        return [float(temperature)] * num_levels
    if len(temperature) != num_levels:
        raise UserError(
            f"temperature={list(temperature)} has {len(temperature)} entries, but this model has {num_levels} "
            f"{'level' if num_levels == 1 else 'levels'}; give one number for all, or one for each, the top first"
        )
    return [float(each) for each in temperature]
