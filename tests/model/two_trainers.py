"""Script of test_lagging.py for two processes: modules with manual optimization, over gloo."""

import os
import sys
from pathlib import Path

import lightning.pytorch as pl
import torch
from hydra import compose, initialize_config_dir
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy
from steps_itself import MODELS

from vaelab.config import build

CONF = Path(__file__).parents[2] / "conf"
NAMES = ("lagging_vae", "vae_gan")
SMALL = ("data=digits", "data.batch_size=64", "encoder=mlp", "decoder=mlp", "latent_dim=2", "name=test")


def run(folder: Path, environment: dict[str, str]) -> None:
    os.environ |= environment
    sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
    torch.set_num_threads(1)
    for name in NAMES:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("train", [*SMALL, f"model={name}", *MODELS[name]])
        torch.manual_seed(0)
        vae, data = build(config.model), build(config.data)
        trainer = pl.Trainer(
            accelerator="cpu",
            devices=2,
            max_epochs=2,
            limit_train_batches=2,
            limit_val_batches=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            strategy=DDPStrategy(process_group_backend="gloo"),
            plugins=[LightningEnvironment()],
        )
        if environment["LOCAL_RANK"] == "0":
            torch.save(vae.state_dict(), folder / f"{name}_start.pt")
        trainer.fit(vae, datamodule=data)
        torch.save(vae.state_dict(), folder / f"{name}_{environment['LOCAL_RANK']}.pt")
