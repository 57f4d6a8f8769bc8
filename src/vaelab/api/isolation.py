"""Restores the global state that a job changes, so that a notebook keeps its own."""

import os
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch.distributions import Distribution

SEEDS = ("PL_GLOBAL_SEED", "PL_SEED_WORKERS")


@contextmanager
def isolate_process() -> Iterator[None]:
    """Inside, distributions do not validate; outside, random state, default dtype and warnings are unchanged."""
    states = random.getstate(), np.random.get_state()
    dtype, checked = torch.get_default_dtype(), Distribution._validate_args
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    seeds = {name: os.environ.get(name) for name in SEEDS}
    Distribution.set_default_validate_args(False)  # grey pixels of a Bernoulli are outside its support
    try:
        with torch.random.fork_rng(devices), warnings.catch_warnings():
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_default_dtype(dtype)
        Distribution.set_default_validate_args(checked)
        for name, value in seeds.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
