"""How an attempt at a run ended, in the status of its folder."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vaelab.cli.outcome import Outcome, failure
from vaelab.cli.ranks import is_rank_zero
from vaelab.storage.run import Run
from vaelab.storage.status import FAILED, FINISHED, PRUNED, STOPPED, begin, end, read_status, restore_status


@contextmanager
def recorded(run: Run) -> Iterator[Callable[[Outcome], Outcome]]:
    """Inside, a run that is resumed is known as running, until the function given is called with how it ended.

    A resumption that failed before it had trained leaves the status as it was.
    """
    status, saved = read_status(run.folder), newest(run)
    if is_rank_zero():
        begin(run.folder)
    ended: list[Outcome] = []

    def record(outcome: Outcome) -> Outcome:
        ended.append(outcome)
        return outcome

    try:
        yield record
    except BaseException as error:
        ended.append(failure(error))
        raise
    finally:
        if is_rank_zero():
            if ended[0].status == 1 and newest(run) == saved:
                restore_status(run.folder, status)
            else:
                record_end(run.folder, ended[0])


def newest(run: Run) -> float:
    """When the run last saved a checkpoint."""
    return max((path.stat().st_mtime for path in run.checkpoints.glob("*.ckpt")), default=0.0)


def record_end(folder: Path, ended: Outcome) -> None:
    """Write into the status of a run how its attempt ended."""
    done = PRUNED if ended.pruned else FINISHED
    state = done if ended.status == 0 else STOPPED if ended.status > 128 else FAILED
    end(folder, state, ended.sentence)
