"""vaelab doctor: an experiment, examined before it is trained."""

from omegaconf import DictConfig

from vaelab.cli.hydra_app import application, record_choices
from vaelab.cli.launch import launch, num_processes
from vaelab.cli.outcome import Outcome, report_mistakes
from vaelab.cli.saved_arguments import key_of
from vaelab.cli.schedule_length import check_lengths
from vaelab.cli.second_stage import is_second_stage
from vaelab.config import check
from vaelab.errors import UserError


@report_mistakes
def main(arguments: list[str]) -> int:
    """What `vaelab train` takes for a new run; exit status 1 where a line of the checklist failed."""
    if is_second_stage(arguments):
        raise UserError(
            "doctor checks models that start untrained, but a second stage starts from a run; "
            "train it with first_stage=..."
        )
    if any(key_of(argument) == "run" for argument in arguments):
        raise UserError("doctor checks what is not trained yet; leave out run=, or measure it with vaelab evaluate")
    if {"-m", "--multirun"} & set(arguments):
        raise UserError("doctor checks one experiment at a time; leave out -m")
    # A recipe may ask for a multirun of its own, whose folder would be left behind.
    return application("doctor", doctor, [*arguments, "hydra.mode=RUN"])


def doctor(config: DictConfig) -> Outcome:
    """The outcome of examining an untrained experiment."""
    record_choices(config)
    check_lengths(config)
    check(config, config.choices, "doctor")
    return launch("doctor", 1, config, num_processes(config))
