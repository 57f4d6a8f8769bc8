"""The meaning of `trainer.precision` on this machine."""

import torch

from vaelab.errors import UserError

# Lightning's short forms.
LONG_FORMS = {"64": "64-true", "32": "32-true", "16": "16-mixed", "bf16": "bf16-mixed"}


def precision(wanted: str, accelerator: str) -> str:
    """`bf16-mixed` if the hardware supports bfloat16, else `32-true`; other choices are returned unchanged.

    Likelihood and KL are computed in float32 either way, and in float64 under `64-true`.
    """
    if wanted != "auto":
        return LONG_FORMS.get(wanted, wanted)
    if accelerator in ("gpu", "cuda") or (accelerator == "auto" and torch.cuda.is_available()):
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16-mixed" if native else "32-true"


def set_default_dtype(wanted: str) -> None:
    """Set torch's default dtype to the trainer's precision; a process may run several jobs.

    Raises UserError for 16-bit weights, in which steps of Adam round to zero and which likelihood and KL cannot use.
    """
    if wanted in ("bf16-true", "16-true"):
        way_out = wanted.replace("true", "mixed")
        raise UserError(
            f"trainer.precision={wanted} keeps the weights themselves in 16 bits, from which no likelihood can be "
            f"computed; set trainer.precision={way_out}, which computes the networks in 16 bits"
        )
    torch.set_default_dtype(torch.float64 if LONG_FORMS.get(wanted, wanted) == "64-true" else torch.float32)
