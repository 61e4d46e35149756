"""Distances against an integration of the same cosmology by other means."""

import math
import subprocess
import sys

import pytest
from scipy.integrate import quad

from ampel_watch.hosts.distance import distance_modulus_mag, luminosity_distance_mpc, transverse_kpc

C_KM_S = 299792.458
# Planck 2018 results VI, table 2, last column. The matter includes the one neutrino that has a mass (0.06 eV); the
# radiation is that of photons at 2.7255 K, and two thirds of 3.046 massless neutrinos.
H0_KM_S_MPC = 67.66
OMEGA_M = 0.3111
OMEGA_RADIATION = 2.473e-5 / 0.6766**2 * (1 + 0.2271 * 3.046 * 2 / 3)
OMEGA_LAMBDA = 1 - OMEGA_M - OMEGA_RADIATION
REDSHIFTS = [0.0005, 0.003, 0.031, 0.1, 0.45, 1.0, 2.5, 6.0]


def distance_mpc(z: float) -> float:
    """The luminosity distance, by the integral of 1 / E(z)."""

    def integrand(x: float) -> float:
        return 1 / math.sqrt(OMEGA_M * (1 + x) ** 3 + OMEGA_RADIATION * (1 + x) ** 4 + OMEGA_LAMBDA)

    return float((1 + z) * C_KM_S / H0_KM_S_MPC * quad(integrand, 0, z)[0])


@pytest.mark.parametrize("z", REDSHIFTS)
def test_the_luminosity_distance_is_the_integral(z: float) -> None:
    assert luminosity_distance_mpc(z) == pytest.approx(distance_mpc(z), rel=1e-3)


@pytest.mark.parametrize("z", REDSHIFTS)
def test_the_distance_modulus_follows_from_it(z: float) -> None:
    assert distance_modulus_mag(z) == pytest.approx(5 * math.log10(distance_mpc(z)) + 25, abs=0.003)


@pytest.mark.parametrize("z", REDSHIFTS)
def test_an_arcsecond_is_as_long_as_the_angular_diameter_distance_makes_it(z: float) -> None:
    kpc_per_arcsec = distance_mpc(z) / (1 + z) ** 2 * 1000 * math.pi / 648000
    assert transverse_kpc(z, 2.5) == pytest.approx(2.5 * kpc_per_arcsec, rel=1e-3)


def test_nearby_the_distance_is_that_of_hubble() -> None:
    assert luminosity_distance_mpc(1e-5) == pytest.approx(C_KM_S * 1e-5 / H0_KM_S_MPC, rel=1e-4)


def test_nobody_loads_astropy_who_needs_no_distance() -> None:
    code = (
        "import sys\n"
        "from ampel_watch.hosts import DEFAULT_CATALOGS, host_facts\n"
        "host_facts(DEFAULT_CATALOGS, {'TNS': None}, mag=None)\n"
        "assert not {'astropy', 'numpy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
