"""Which latent structure a way of optimising is made for."""

from vaelab.errors import UserError
from vaelab.latent.single import Single
from vaelab.protocol import LatentStructure


def require_single(latent: LatentStructure, who: str) -> Single:
    """The structure, where it is that of one latent vector; raises UserError where it is another."""
    if not isinstance(latent, Single):
        raise UserError(
            f"{who} needs one latent vector for each example, but latent is {type(latent).__name__}; set latent=single"
        )
    return latent
