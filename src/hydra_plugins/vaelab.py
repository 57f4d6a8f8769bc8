"""vaelab's sweepers and launchers where Hydra looks for plugins: it accepts them from this namespace only."""

from vaelab.sweep.cluster import Cluster
from vaelab.sweep.grid import Grid
from vaelab.sweep.search import Search


class GridSweeper(Grid):
    """Every combination of the given values."""


class OptunaSweeper(Search):
    """Trials that Optuna suggests."""


class ClusterLauncher(Cluster):
    """SLURM jobs."""
