"""Checkpoints with earlier names of weights."""

from pathlib import Path

import torch

from vaelab.storage.checkpoint import load_checkpoint


def test_earlier_names_of_networks_are_replaced(tmp_path: Path) -> None:
    old = {"latent.levels.rungs.0.expect.1.weight": torch.ones(2), "latent.levels.stem.see.weight": torch.ones(1)}
    torch.save({"state_dict": old, "global_step": 3}, tmp_path / "last.ckpt")
    saved = load_checkpoint(tmp_path / "last.ckpt", "meta")
    assert list(saved["state_dict"]) == ["latent.levels.rungs.0.prior_net.1.weight", "latent.levels.stem.see.weight"]
    assert saved["global_step"] == 3
