"""What `trainer.precision=auto` means on this machine."""

import torch


def precision(wanted: str, accelerator: str) -> str:
    """`bf16-mixed` where the hardware multiplies bfloat16 itself, `32-true` elsewhere, unless told otherwise.

    Likelihood and KL are computed in float32 either way.
    """
    if wanted != "auto":
        return wanted
    if accelerator in ("gpu", "cuda") or (accelerator == "auto" and torch.cuda.is_available()):
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16-mixed" if native else "32-true"
