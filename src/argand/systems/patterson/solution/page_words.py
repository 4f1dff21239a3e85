"""What the page of solved crystals explains: its words, what its files are for, and its settings."""

ASKED = {
    "data": "data",
    "cell": "cell (Å, °)",
    "spacegroup": "space group",
    "laue": "Laue class",
    "formula": "formula",
    "elements": "elements",
    "molecule": "known molecule",
    "units": "formula units in the cell (Z)",
    "radiation": "radiation",
    "d_min": "resolution limit, Å",
    "time_limit": "time limit, s",
    "hydrogens": "hydrogen added",
    "network": "network used",
    "with_network": "network used",
    "seed": "random seed",
}
"""Names of settings; others stand under their own."""

FILE_USES = {
    "cif": "the model with figures of the data: for checkCIF, deposition, Mercury, Olex2, VESTA",
    "ins": "instructions for SHELXL, which refines the model against the .hkl",
    "hkl": "the measured reflections as SHELXL reads them",
    "res": "the same instructions with the highest peaks of the last difference map, for ShelXle or Olex2",
    "density": "electron density, for Coot, ChimeraX, PyMOL or VESTA",
    "patterson": "the Patterson map of this page, for Coot, ChimeraX or VESTA",
    "patterson_peaks": "the peaks of the Patterson map with their Harker sections, as JSON",
    "xyz": "the atoms in Å, for Avogadro, Jmol and programs of quantum chemistry",
    "summary": "all figures of this page with settings and log, as JSON",
}
"""Kinds of files that solve writes, and what each is for, in the order of the page."""

WORDS = {
    "R1": "Σ ||F_o| - |F_c|| / Σ |F_o|: how far the measured amplitudes are from those of the model; here of"
    " the"
    " reflections with F² > 2σ, or of all. A right model of good data has about 0.05 after refinement with"
    " SHELXL, and"
    " more here, with isotropic displacements and usually without hydrogen. Random atoms have 0.59 (0.83 in"
    " centrosymmetric space groups).",
    "best guess": "An answer that is not trusted: the best model that was found, without enough evidence for"
    " it."
    " The verdict says what speaks against it.",
    "trusted": "The model is at least 80 % likely to be right, by a fit to solved crystals of known"
    " structure. It is"
    " not a refined model: SHELXL refines it.",
    "Patterson map": "Σ |F|² cos 2πh·u: its peaks lie at the vectors u between atoms, with the product of"
    " their"
    " atomic numbers as weight. It needs no phases. It is always centrosymmetric and has the symmetry of the"
    " Laue"
    " class with the lattice, so that translations of screw axes and glide planes show in peaks alone.",
    "sharpened": "With E² - 1 instead of |F|²: as if the atoms were points at rest, and without the peak of"
    " the"
    " vectors of length zero at the origin. Peaks become narrow and fewer overlap.",
    "height of a peak": "In thousandths of the largest possible one, at which all terms of the sum would be"
    " positive.",
    "Harker section": "Plane or line on which the vectors between an atom and its images under one operator"
    " lie: for"
    " the axis 2₁ along b, (x, y, z) and (-x, y + 1/2, z') differ by v = 1/2. A peak there gives coordinates"
    " of an"
    " atom directly. Peaks of other vectors may lie there by chance.",
    "E value": "Amplitude over the root mean square of those at the same resolution. The mean |E² - 1| is"
    " near 0.97 in"
    " centrosymmetric space groups and near 0.74 in others; twins are lower, heavy atoms on special positions"
    " change it.",
    "Z": "Formula units in the cell.",
    "completeness": "Share of the unique reflections up to the resolution limit that were measured. What is"
    " missing"
    " distorts maps.",
    "resolution": "The smallest spacing d of the lattice planes that were measured: atoms are resolved to"
    " about 1.2 Å.",
    "R_meas, CC1/2": "Agreement of equivalent reflections: R_meas is small and CC1/2 near 1 in good data.",
    "U": "Mean square displacement of an atom in Å². Far above the others', the atom is too heavy,"
    " disordered or"
    " wrong; near 0, it is too light.",
    "σ of a map": "Its root mean square deviation from its mean, over the whole cell.",
    "attempt": "One start from random phases. Most attempts of a hard crystal fail; a solution shows as a"
    " step down"
    " in R1.",
    "correlation of amplitudes": "Of measured amplitudes with those of the density that an attempt ended"
    " with.",
}
