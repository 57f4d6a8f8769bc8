"""vaelab doctor: an experiment, examined before it is trained."""

import sys
from collections.abc import Sequence

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, open_dict

from vaelab.cli.hydra_app import application, key_of
from vaelab.cli.launch import launch, num_processes
from vaelab.cli.outcome import Outcome, print_once, report_mistakes
from vaelab.cli.second_stage import is_second_stage
from vaelab.config import LISTED, check


@report_mistakes
def main(arguments: Sequence[str] | None = None) -> int:
    """What `vaelab train` takes for a new run; exit status 1 where a line of the checklist failed."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if is_second_stage(arguments):
        sentence = (
            "doctor checks models that start untrained, but a second stage starts from a run; "
            "train it with first_stage=..."
        )
        print_once([sentence])
        return 1
    if any(key_of(argument) == "run" for argument in arguments):
        print_once(["doctor checks what is not trained yet; leave out run=, or measure the run with vaelab evaluate"])
        return 1
    if {"-m", "--multirun"} & set(arguments):
        print_once(["doctor checks one experiment at a time; leave out -m"])
        return 1
    # A recipe may ask for a multirun of its own, whose folder would be left behind.
    return application("doctor", doctor, [*arguments, "hydra.mode=RUN"])


def doctor(config: DictConfig) -> Outcome:
    """The outcome of examining an untrained experiment."""
    with open_dict(config):
        choices = HydraConfig.get().runtime.choices
        config.choices = {str(k): v for k, v in choices.items() if "hydra" not in str(k)}
        check(config, config.choices, "doctor")
        for group in LISTED:
            config.setdefault(group, {})  # which [] leaves out
    return launch("doctor", 1, config, num_processes(config))
