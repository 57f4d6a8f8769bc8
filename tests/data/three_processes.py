"""Script of test_processes.py for three processes: fit with validation, then test, over gloo."""

import os
from pathlib import Path

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy
from torch import nn

from vaelab.data.examples import Examples
from vaelab.data.module import DataModule

NUM_VALIDATION, NUM_TEST, CHUNK = 500, 10_007, 1000  # so that validation is less than one chunk


class Random:
    """Images of 2 x 2."""

    def prepare(self): ...

    def load(self, part):
        generator = torch.Generator().manual_seed(len(part))
        shape = (NUM_VALIDATION + 1000 if part == "train" else NUM_TEST, 1, 2, 2)
        return Examples(torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8), None)


class Recorder(LightningModule):
    def __init__(self, folder):
        super().__init__()
        self.layer = nn.BatchNorm1d(4)  # buffers, which a distributed forward broadcasts
        self.folder, self.seen = folder, []

    def training_step(self, batch):
        return self.layer(batch.x.flatten(1)).square().mean()

    def validation_step(self, batch):
        self.layer(batch.x.flatten(1))
        self.seen.append(batch)

    def test_step(self, batch):
        self.seen.append(batch)

    def _write(self, split):
        index, x = (torch.cat([batch[i] for batch in self.seen]) for i in (2, 0))
        record = {"index": index, "x": x, "alone": module().batch(split, index).x}
        torch.save(record, self.folder / f"{split}{self.global_rank}.pt")
        self.seen = []

    def on_validation_epoch_end(self):
        self.log("num_seen", float(len(self.seen)), sync_dist=True)
        self._write("validation")

    def on_test_epoch_end(self):
        self._write("test")

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def module():
    return DataModule(
        source=Random(),
        shape=[1, 2, 2],
        num_classes=0,
        batch_size=256,
        chunk=CHUNK,
        num_validation=NUM_VALIDATION,
        split_seed=0,
        scale="unit",
        binarization="dynamic",
        dequantization=False,
        num_workers=0,
        seed=0,
    )


def run(folder: Path, environment: dict[str, str]) -> None:
    os.environ |= environment
    torch.set_num_threads(1)
    data = module()
    trainer = Trainer(
        accelerator="cpu",
        devices=3,
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        strategy=DDPStrategy(process_group_backend="gloo"),
        plugins=[LightningEnvironment()],
    )
    model = Recorder(folder)
    trainer.fit(model, datamodule=data)
    trainer.test(model, datamodule=data, verbose=False)
