"""Distances from redshifts, in the flat ΛCDM cosmology of Planck 2018 (astropy's `Planck18`).

The redshift is taken as it is: not corrected for the motion of the Sun or of the galaxy, which matters below z ≈ 0.01
(300 km/s are 10 % of the distance there).
"""

import math
from functools import lru_cache

_PC_PER_MPC = 1e6
_KPC_PER_MPC = 1e3


@lru_cache(maxsize=4096)
def luminosity_distance_mpc(z: float) -> float:
    """Luminosity distance in Mpc; `z` > 0."""
    from astropy.cosmology import Planck18  # takes half a second; only who has a host pays it

    return float(Planck18.luminosity_distance(z).to_value("Mpc"))


def distance_modulus_mag(z: float) -> float:
    """m − M = 5 log10(d_L / 10 pc), without K correction and extinction."""
    return 5 * math.log10(luminosity_distance_mpc(z) * _PC_PER_MPC / 10)


def transverse_kpc(z: float, offset_arcsec: float) -> float:
    """The projected distance that an angle is at the angular-diameter distance d_L / (1 + z)²."""
    diameter_distance_mpc = luminosity_distance_mpc(z) / (1 + z) ** 2
    return math.radians(offset_arcsec / 3600) * diameter_distance_mpc * _KPC_PER_MPC
