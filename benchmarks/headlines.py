"""What the README says of each system: a picture with a headline figure, and what it cannot do."""

from crystals_tables import PUBLISHED
from patterson_counts import summarise
from report import Report
from summaries import Reports, shape, wrong_answers


def geometry_headline(reports: Reports) -> str:
    """Median error on real stills beside that of DIALS."""
    report = reports["geometry_real"]
    ours = next(one for one in report["series"] if one["series"] == "thau_3_2")
    dials = next(m for m in report["methods"] if (m["series"], m["opponent"]) == ("thau_3_2", "dials"))
    return (
        f"{ours['images']} real stills of thaumatin: median error of the beam centre "
        f"**{ours['median_error_px']:.2f} px** (reference known to ± {ours['truth_sigma_px']:g} px); "
        f"{report['dials']} {dials['median_error_px']:.1f} px"
    )


def patterson_headline(reports: Reports) -> str:
    """Measured crystals solved beside those of smtbx."""
    report = reports["patterson_solver"]
    ours = _solved(report, "measured", 0.84)
    other = next(
        one for one in report["beside"]["summary"] if (one["part"], one["d_min"]) == ("report", 0.84)
    )
    return (
        f"**{ours['solved']} of {ours['sets']}** measured crystals solved from data to 0.84 Å in "
        f"{report['limit_core_s']:g} s of one core ({ours['claimed']} of them trusted); smtbx "
        f"solves {other['own']}, or {other['built']} with our model building"
    )


def _solved(report: Report, kind: str, d_min: float) -> Report:
    wanted = ("report", kind, "formula", d_min)
    lines = summarise(report["sets"])
    return next(one for one in lines if (one["part"], one["kind"], one["contents"], one["d_min"]) == wanted)


def crystals_headline(reports: Reports) -> str:
    """Structures rebuilt from short vectors beside the list of orbits and a published network."""
    rows = reports["crystals_short"]["rows"]
    ours, orbits = (
        next(r for r in rows if (r["set"], r["coding"], r["numbers"]) == ("mp_20 test", coding, 64))
        for coding in ("symmetric", "orbits, exactly")
    )
    published = PUBLISHED["mp_20 test"].split(",")[0]
    return (
        f"**{100 * ours['match_rate']:.1f} %** of {ours['structures']} structures of MP-20 rebuilt from "
        f"{ours['numbers']} numbers; an exact list of orbits of that length "
        f"{100 * orbits['match_rate']:.1f} %, the network {published} from 256 numbers (as published)"
    )


def molmnist_headline(reports: Reports) -> str:
    """Shapes from noisy patterns beside phase retrieval."""
    row = shape("1e4-photons", reports["molmnist_hard"])
    assert row is not None
    gain, resolution = row.measured.split(", ")
    baseline = row.others.split(", ")[0]
    return f"Shapes from patterns of 10⁴ photons: **{gain}** (PSNR), {resolution}; {baseline}"


SYSTEMS = {
    "geometry": (
        "Beam centre and detector tilt from diffraction images",
        "thaumatin.jpg",
        "A still of thaumatin with resolution rings about the beam centre that was found",
        geometry_headline,
    ),
    "patterson": (
        "Atoms from measured intensities or a Patterson map",
        "cod_2016452.png",
        "The Patterson map of COD 2016452, and its density with the atoms found",
        patterson_headline,
    ),
    "crystals": (
        "Crystal structures as vectors, and new structures",
        "crystals.png",
        "LiFePO4, its vector and the structure decoded from it",
        crystals_headline,
    ),
    "molmnist": (
        "The shape of a fibril from its coherent diffraction",
        "molmnist.png",
        "A diffraction pattern, the shape found from it and the true shape",
        molmnist_headline,
    ),
}
"""For each system of the README's table: a caption, the picture, its description, and the headline figure."""


def readme_table(reports: Reports) -> str:
    """Two systems a row, each with picture and headline figure; a figure not measured is left out."""
    cells = [_cell(name, reports) for name in SYSTEMS]
    lines = []
    for k in range(0, len(cells), 2):
        lines += [f"| {one} | {other} |" for one, other in zip(*cells[k : k + 2], strict=True)]
    return "\n".join([lines[0], "|---|---|", *lines[1:]])


def _cell(name: str, reports: Reports) -> tuple[str, str, str]:
    """Name and caption, picture, and figure of a system."""
    caption, picture, description, headline = SYSTEMS[name]
    try:
        figure = headline(reports)
    except (KeyError, StopIteration):
        figure = "not measured yet"
    image = f'<img src="docs/figures/{picture}" width="400" alt="{description}">'
    return f"**`{name}`**: {caption}", image, f"{figure} ([all figures](docs/figures/{name}.md))"


def readme_limits(reports: Reports) -> str:
    """One bullet a system on what it cannot do; one that was not measured has no counts."""
    lines = []
    for name, text in LIMITS.items():
        try:
            counts = LIMIT_FIGURES[name](reports)
        except (KeyError, StopIteration):
            counts = "not measured yet"
        lines.append(f"- **`{name}`** {text} ({counts}; [limits](docs/guides/{name}.md#limits)).")
    return "\n".join(lines)


def _unanswered(reports: Reports) -> str:
    series = reports["geometry_real"]["series"]
    none = [one for one in series if one["unanswered"] == one["images"]]
    wrong = wrong_answers(reports["geometry_simulated"])
    return (
        f"{len(none)} of {len(series)} real series got no answer; "
        f"{wrong.measured.replace('answers', 'trusted answers')} to simulated stills were wrong"
    )


def _unsolved(reports: Reports) -> str:
    coarse = [_solved(reports["patterson_solver"], "measured", d_min) for d_min in (1.2, 1.5)]
    return ", ".join(
        f"{one['solved']} of {one['sets']} measured crystals solved at {one['d_min']:g} Å" for one in coarse
    )


def _unstable(reports: Reports) -> str:
    rows = reports["crystals_stability"]["rows"]
    one = next(row for row in rows if row["what"].startswith("both generators"))
    shares = f"{100 * one['sun_0']:.1f} % on the hull, {100 * one['sun_0.1']:.1f} % within 0.1 eV/atom"
    return f"stable, unique and new: {shares}"


def _misled(reports: Reports) -> str:
    rows = [row for row in reports["molmnist_hard_trust"]["rows"] if row["half"] == "report"]
    bundles = next(row for row in rows if row["patterns"] == "bundles, 10,000 photons")
    blobs = next(row for row in rows if row["patterns"].startswith("blobs"))
    return (
        f"of {bundles['count']} patterns of 10⁴ photons {bundles['believed'] * bundles['count']:.0f} were "
        f"trusted, {bundles['right_of_believed'] * bundles['believed'] * bundles['count']:.0f} of them "
        f"correct; {blobs['believed'] * blobs['count']:.0f} of {blobs['count']} patterns of shapeless blobs"
    )


LIMITS = {
    "geometry": (
        "needs Bragg spots of one lattice or sharp rings: weak images often get no answer. It does not "
        "measure wavelength or pixel size, and was tried on few real images"
    ),
    "patterson": (
        "often fails on data coarser than 1.2 Å unless the molecule is known, and does not model twins, "
        "modulated structures or disorder"
    ),
    "crystals": (
        "takes ordered structures only; energies of new crystals come from CHGNet, not from DFT, and few "
        "of them lie on the hull"
    ),
    "molmnist": (
        "answers for one fibril along its axis, without water, and was tried on simulated patterns only; its "
        "verdict on bundles was measured on few patterns"
    ),
}
LIMIT_FIGURES = {
    "geometry": _unanswered,
    "patterson": _unsolved,
    "crystals": _unstable,
    "molmnist": _misled,
}
