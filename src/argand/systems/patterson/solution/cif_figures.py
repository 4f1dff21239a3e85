"""What a CIF tells of a solved crystal beside its cell and atoms: contents, data, agreement, verdict."""

from collections.abc import Mapping

import gemmi
import numpy as np

from argand import __version__
from argand.io.cell_errors import with_uncertainty
from argand.physics.crystal.symmetry import inverse_d_squared
from argand.physics.phasing.agreement import agreement
from argand.physics.phasing.merge import merge
from argand.systems.patterson.solution.final_model import FinalModel
from argand.systems.patterson.solution.reflections import CrystalData
from argand.systems.patterson.solution.solve import Solution
from argand.systems.patterson.solution.validation import free_parameters

Tags = dict[str, str | None]
_DALTON = 1.66053907
"""Atomic mass constant in 1e-24 g (CODATA 2018): grams per cm³ are daltons per Å³ times this."""


def hill_formula(counts: Mapping[str, float]) -> str:
    """C, H and the rest by name, or all by name without carbon (Hill 1900), such as `C12 H22 O11`."""
    first = [element for element in ("C", "H") if "C" in counts and element in counts]
    rest = sorted(element for element in counts if element not in first)
    parts = [(element, counts[element]) for element in first + rest if counts[element] > 0]
    return " ".join(element if number == 1 else f"{element}{number:.4g}" for element, number in parts)


def cif_figures(solution: Solution, final: FinalModel, title: str) -> Tags:
    """Tags of the core dictionary and their values; None for what is not known."""
    crystal = solution.crystal
    return {
        "_computing_structure_solution": f"argand {__version__}",
        **_contents(crystal, final),
        **_data(crystal),
        **_agreement(solution, final),
        **_hand(solution),
        "_refine_special_details": _details(solution, final, title),
    }


def _contents(crystal: CrystalData, final: FinalModel) -> Tags:
    counts = {element: number / final.units for element, number in final.content.items()}
    mass = sum(number * gemmi.Element(element).weight for element, number in counts.items())
    density = mass * final.units * _DALTON / crystal.volume
    return {
        "_chemical_formula_sum": hill_formula(counts),
        "_chemical_formula_weight": f"{mass:.2f}",
        "_cell_formula_units_Z": f"{final.units:g}",
        "_exptl_crystal_density_diffrn": f"{density:.3f}",
    }


def _data(crystal: CrystalData) -> Tags:
    """Of the measurement, as far as it was used."""
    observed, measured = crystal.observed, crystal.measured
    tags: Tags = {
        "_diffrn_radiation_probe": {"xray": "x-ray", "electron": "electron"}[observed.radiation],
        "_diffrn_radiation_wavelength": f"{crystal.wavelength:.5f}",
    }
    if measured is not None:
        tags |= _measured(crystal, measured.hkl, measured.intensity, measured.sigma)
    return tags | {
        "_reflns_number_total": str(len(observed.hkl)),
        "_reflns_number_gt": str(int(observed.strong.sum())),
        "_reflns_threshold_expression": "I > 2\\s(I)",
    }


def _measured(crystal: CrystalData, hkl: np.ndarray, intensity: np.ndarray, sigma: np.ndarray) -> Tags:
    """Counts, limits and agreement of the reflections as they were given, to the resolution that was used."""
    squared = inverse_d_squared(hkl, crystal.orthogonalisation)
    used = squared <= (crystal.observed.d_min - 1e-6) ** -2
    hkl, squared = hkl[used], squared[used]
    r_int = merge(hkl, intensity[used], sigma[used], crystal.group).r_int
    # Bragg's law: sin θ = λ / 2d.
    low, high = (
        float(np.degrees(np.arcsin(min(1.0, crystal.wavelength * np.sqrt(value) / 2))))
        for value in (squared.min(), squared.max())
    )
    tags: Tags = {
        "_diffrn_reflns_number": str(len(hkl)),
        "_diffrn_reflns_av_R_equivalents": None if r_int is None else f"{r_int:.4f}",
        "_diffrn_reflns_theta_min": f"{low:.3f}",
        "_diffrn_reflns_theta_max": f"{high:.3f}",
        "_diffrn_measured_fraction_theta_max": f"{min(crystal.completeness, 1.0):.3f}",
    }
    for number, index in enumerate("hkl"):
        tags[f"_diffrn_reflns_limit_{index}_min"] = str(int(hkl[:, number].min()))
        tags[f"_diffrn_reflns_limit_{index}_max"] = str(int(hkl[:, number].max()))
    return tags


def _agreement(solution: Solution, final: FinalModel) -> Tags:
    crystal, model = solution.crystal, final.model
    # free_parameters counts the places, a scale and a U; each further atom has its own U.
    parameters = free_parameters(crystal, solution.model) + len(final.atoms) - 1
    found = agreement(model, crystal.observed, parameters)
    density = final.difference.density
    return {
        "_refine_ls_structure_factor_coef": "Fsqd",
        "_refine_ls_matrix_type": "full",
        "_refine_ls_weighting_scheme": "calc",
        "_refine_ls_weighting_details": "w=1/[\\s^2^(Fo^2^)+(0.1P)^2^] where P=(Fo^2^+2Fc^2^)/3",
        "_refine_ls_hydrogen_treatment": "constr" if final.riding else "undef",
        "_refine_ls_number_reflns": str(len(crystal.observed.hkl)),
        "_refine_ls_number_parameters": str(parameters),
        "_refine_ls_R_factor_gt": f"{model.r1:.4f}",
        "_refine_ls_R_factor_all": f"{model.r1_all:.4f}",
        "_refine_ls_wR_factor_ref": f"{found.weighted:.4f}",
        "_refine_ls_wR_factor_gt": f"{found.weighted_strong:.4f}",
        "_refine_ls_goodness_of_fit_ref": f"{found.goodness:.3f}",
        "_refine_diff_density_max": f"{density.max():.3f}",
        "_refine_diff_density_min": f"{density.min():.3f}",
        "_refine_diff_density_rms": f"{final.difference.rms:.3f}",
    }


def _hand(solution: Solution) -> Tags:
    """Flack's parameter, or why there is none; nothing where the group has a centre of inversion."""
    hand = solution.hand
    if not hand.statement:
        return {}
    method = "quotients [(I+)-(I-)]/[(I+)+(I-)] (Parsons, Flack & Wagner, Acta Cryst. B69, 249, 2013)"
    told = hand.statement if hand.flack is None else f"{hand.statement}; {method}"
    flack = hand.flack
    value = None if flack is None else with_uncertainty(flack.x, flack.uncertainty)
    return {"_refine_ls_abs_structure_details": told, "_refine_ls_abs_structure_Flack": value}


def _details(solution: Solution, final: FinalModel, title: str) -> str:
    """The verdict, and what the model is."""
    hydrogen = (
        f"{sum(map(len, final.riding))} hydrogen atoms ride on their parents"
        if final.riding
        else "the model has no hydrogen"
    )
    atoms = "Displacements are isotropic, structure factors without dispersion"
    return f"{title}\n{atoms}; {hydrogen}."
