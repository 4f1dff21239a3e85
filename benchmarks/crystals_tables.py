"""Tables of the system crystals: structures rebuilt from vectors, and the published networks."""

from report import Report, Row

COUNTS = "counts by space group and Wyckoff letter"
PARTS = {"group": "space group", "letters": "Wyckoff letters", "places": "positions"}
"""Words of the parts of a likelihood in the results, and those of the tables."""
MATCH_GOALS = {"mp_20 test": 0.8, "mpts_52 val": 0.6}
RMSE_GOAL = 0.03
RECALL_GOALS = {"mp_pool, 53 to 200 atoms": 0.85}
PUBLISHED = {
    "mp_20 test": "FTCP 69.9 %, CDVAE 45.4 %",
    "perov_5 test": "CDVAE 97.5 %",
    "carbon_24 test": "CDVAE 55.2 %",
}
"""Match rates quoted for the full test sets (Xie et al. 2022); our part of mp_20 has up to three elements."""
CODES = {"best": "ours (`best`)", "maps behind the code": "network behind the linear code"}
VIEWS = {"single": "single cell", "repeating": "repeating crystal"}
MADE = {
    "samples, mixture": "sampled from the mixture",
    "samples, normal": "sampled from the normal distribution",
    "steps between": "linear interpolation",
    "altered by 5 % noise": "5 % noise added",
}
"""Words of the models, views and generated boxes in the results, and those of the tables."""
BOXES_PER_SECOND = 200
SAMPLE_GOALS = {"valid": 0.99, "composition_valid": 0.8}
SAMPLES = {
    "data, formulas held out": "structures of held-out formulas (data)",
    "composed alone, temperature 1.0": "ours before decoding, temperature 1.0",
    "composed alone, temperature 0.7": "ours before decoding, temperature 0.7",
    "counts of group and letter, temperature 1": "counts by space group and Wyckoff letter",
}
"""Words of the samples in the results, and those of the tables."""
SUN_GOAL, NEW_FRAMEWORKS_GOAL = 0.35, 0.2
PUBLISHED_STABILITY = "by DFT, SUN 0.1: MatterGen 38.9 %, DiffCSP 20.1 %, CDVAE 18.3 %"
"""From MatterGen's public benchmark: judged by DFT, with a hull of more phases."""
GENERATED = {
    "frameworks, all of them new, plausible and symmetric": "new frameworks, plausible and symmetric",
    "both generators: the first halves of these two": "both generators (first halves of these two)",
    "random elements on the same skeletons": "random elements at the same positions",
    "real: mp_20 test": "known structures of mp_20 test",
}
"""Words of the generators in the results, and those of the tables."""
STEPS_GOAL = 0.95
OURS = "ours, decoded"
CODINGS = {
    "orbits, exactly": "exact list of orbits",
    "own numbers": "list of all parameters",
    "longer where needed": "longer where necessary",
    "share ": "symmetric, share of the elements ",
}
"""Words of the codings in the results, and those of the tables."""
COMPARED = ("orbits, exactly", "own numbers", "without symmetry")
"""Codings that the symmetric one is compared with."""
NO_LIMIT = 10_000
"""Count that means no limit in benchmarks/crystals_short.py."""


def crystals_table(report: Report) -> tuple[str, list[Row]]:
    """Match rates of structures rebuilt from vectors of several lengths, and of vectors with noise."""
    caption = (
        "Crystals rebuilt from their vectors alone; matches by StructureMatcher with stol 0.5 (strict: 0.1), "
        "10°, ltol 0.3; processor time of one core. Lengths of vectors are divided by the structure's own "
        "parameters (4 for each atom, 6 for the cell) and averaged over the set. Published match rates are "
        "those quoted for the full test sets"
    )
    about = report.get("beside", {})
    sizes = {(one["set"], one["latent"]): one for one in about.get("sizes", [])}
    distinct = about.get("distinct_share", {})
    return caption, [
        crystal_row(row, sizes.get((row["set"], row["latent"])), distinct.get(row["set"]))
        for row in report["rows"]
        if row["atoms"] == "all"
    ]


def crystal_row(row: Report, ratios: Report | None = None, distinct: float | None = None) -> Row:
    """One set of structures, with lengths of vectors and the share of distinct structures where known."""
    name, missed = row["set"], []
    is_plain = row["latent"] == 512 and not row["noise"]
    goals = []
    if is_plain and name in MATCH_GOALS:
        goals.append(f"match ≥ {100 * MATCH_GOALS[name]:.0f} %, rmse ≤ {RMSE_GOAL:g}")
        missed += [row["match_rate"] < MATCH_GOALS[name], row["rmse"] > RMSE_GOAL]
    if is_plain and name in RECALL_GOALS:
        goals.append(f"found and correct ≥ {100 * RECALL_GOALS[name]:.0f} %")
        missed.append(row["recall"] * row["species_of_found"] < RECALL_GOALS[name])
    size = f"vectors of {row['latent']} numbers" + (" or more" if row["latent_size"] > row["latent"] else "")
    noise = f", {100 * row['noise']:g} % noise" if row["noise"] else ""
    measured = (
        f"{_percent(row['recall'])} of atoms found, {_percent(row['species_of_found'])} of their elements"
    )
    measured += " correct"
    if row["match_rate"] is not None:
        rmse = "none" if row["rmse"] is None else f"{row['rmse']:.4f}"
        strict = _percent(row["strict_match_rate"])
        measured = f"match {_percent(row['match_rate'])} (strict {strict}), rmse {rmse}; {measured}"
    measured += f"; {1e3 * (row['encode_cpu_s'] + row['decode_cpu_s']):.0f} ms"
    others = f"published: {PUBLISHED[name]}" if is_plain and name in PUBLISHED else ""
    if ratios:
        measured = f"{measured}; {ratios['over_own']:.1f} numbers per parameter"
        others += f" (256 numbers: {ratios['peers_over_own']:.1f} per parameter)" if others else ""
    measured += " (goal missed)" if any(missed) else ""
    if distinct:
        others += f"; only {100 * distinct:.0f} % of the structures of the test set are distinct"
    return Row(
        f"rebuilt from {size}{noise}", f"{name} ({row['structures']})", "; ".join(goals), measured, others
    )


def crystals_short_table(report: Report) -> tuple[str, list[Row]]:
    """How short vectors can be: what the space group leaves free beside other codings of as many numbers."""
    seed = report["seed"]
    caption = (
        "How short the vector of a crystal can be: vectors of the parameters that the space group leaves "
        "free; matches and numbers per parameter as above. The rows on mp_20 val were used to choose the "
        f"share of numbers for the elements; the others are random samples (seed {seed}) of structures "
        "that no choice was made on"
    )
    return caption, [
        short_row(row, report["rows"]) for row in [*report["choice"], *report["rows"]] if _has_row(row)
    ]


def _has_row(row: Report) -> bool:
    """Codings that have a row of their own; others are compared with the symmetric one of the same length."""
    return not row["coding"].startswith(COMPARED) or row["numbers"] == NO_LIMIT


def short_row(row: Report, rows: list[Report]) -> Row:
    """One coding of one set, compared with others of the same length."""
    numbers = f"{row['numbers']} numbers" if row["numbers"] < NO_LIMIT else "no limit of length"
    measured = f"match {_percent(row['match_rate'])} (strict {_percent(row['strict_match_rate'])})"
    measured += f", rmse {row['rmse']:.4f}" if row["rmse"] is not None else ""
    measured = f"{measured}; {row['ratio']:.2f} numbers per parameter; {1e3 * row['cpu_s']:.0f} ms"
    beside = [
        f"{_coding(one['coding'])} {_percent(one['match_rate'])}"
        for one in rows
        if row["coding"] == "symmetric"
        and one["coding"].startswith(COMPARED)
        and (one["set"], one["numbers"]) == (row["set"], row["numbers"])
    ]
    where = f"{row['set']} ({row['structures']})"
    return Row(f"{_coding(row['coding'])}: {numbers}", where, "", measured, ", ".join(beside))


def _coding(name: str) -> str:
    """A coding in the words of the tables."""
    for old, new in CODINGS.items():
        name = name.replace(old, new)
    return name


def crystals_paper_table(report: Report) -> tuple[str, list[Row]]:
    """Boxes of 10 Å by 300 numbers: the linear code, trained networks, ceilings, and generated structures."""
    caption = (
        f"Boxes of 10 Å as 300 numbers: structures of {report['sets']['reporting']}; limits of the fit were "
        f"chosen on {report['sets']['choosing']}. Whole cells by `best` for comparison"
    )
    rows = [simulator_row(report["simulator"])]
    chosen = {
        (row["model"], row["view"]): row
        for row in report["rows"]
        if row["half"] == "choosing" and row["atoms_of_cell"] == "all"
    }
    for row in report["rows"]:
        is_code = row["model"].startswith("linear code") and row["view"] == "single"
        if row["half"] == "reporting" and (row["atoms_of_cell"] == "all" or is_code):
            other = chosen.get((row["model"], row["view"])) if row["atoms_of_cell"] == "all" else None
            rows.append(box_row(row, other))
    variance = [row for row in report.get("unexplained", []) if row["half"] == "reporting"]
    rows += [unexplained_row(row, report) for row in variance]
    if "maps" in report:
        rows.append(maps_row(report["maps"]))
    return caption, rows + [generation_row(one) for one in report["generation"]]


def unexplained_row(row: Report, report: Report) -> Row:
    """Unexplained share of the variance of densities."""
    ways = [key for key in row if key not in ("half", "view")]
    measured = ", ".join(f"{key} {_percent(row[key])}" for key in ways)
    steps = {
        what: " and ".join(f"{one['steps']} steps ({one['seconds'] / 60:.0f} min)" for one in stages.values())
        for what, stages in report["training"].items()
    }
    trained = "; ".join(f"{what}: {value}" for what, value in steps.items())
    return Row(
        "unexplained share of the density",
        row["view"],
        "",
        measured,
        f"PCA of {report['pca_boxes']} boxes; {trained}",
    )


def maps_row(maps: Report) -> Row:
    """Voxels of atoms that the refiner finds and labels."""
    one, other = maps["reporting"], maps["choosing"]
    measured, chosen = (
        f"{_percent(half['found'])} of the atoms' voxels found, {_percent(half['true'])} of the labelled "
        f"voxels correct, {_percent(half['species_of_found'])} with the correct element"
        for half in (one, other)
    )
    return Row("voxel labels of the network behind the code", "single cell", "", measured, chosen=chosen)


def generation_row(one: Report) -> Row:
    """New boxes, interpolated and altered ones."""
    measured = (
        f"{one['with_atoms']} with atoms, {one['atoms']:.1f} atoms on average; all distances above 0.5 Å in "
        f"{_percent(one['valid'])}, above 1 Å in {_percent(one['bonded'])}"
    )
    if "ends_as_read" in one:
        measured += f"; end points as decoded alone {_percent(one['ends_as_read'])}"
    return Row(MADE.get(one["what"], one["what"]), f"single cell ({one['asked']})", "", measured)


def simulator_row(one: Report) -> Row:
    """Simulated boxes per second, from the processor time of one."""
    both = 2 * one["boxes_per_core_second"]
    missed = " (goal missed)" if both < BOXES_PER_SECOND else ""
    measured = f"{both:.0f} boxes/s on two cores{missed}, {one['cpu_ms_per_box']:.1f} ms each"
    return Row(
        "simulation speed", "density and labels", f"≥ {BOXES_PER_SECOND} boxes/s on two cores", measured
    )


def box_row(row: Report, chosen: Report | None = None) -> Row:
    """One model and view, with the figures of the half that limits were chosen on."""
    what = CODES.get(row["model"], row["model"])
    cells = "" if row["atoms_of_cell"] == "all" else f", cells of {row['atoms_of_cell']} atoms"
    goal, is_missed = "", False
    if row["model"] == "best":
        goal, is_missed = (
            "atoms ≥ 99.5 %, elements 100 %",
            row["recall"] < 0.995 or row["species_of_found"] < 1,
        )
    elif row["model"].startswith("linear code") and row["view"] == "single" and not cells:
        goal = "atoms ≥ 95 %, elements ≥ 90 %"
        is_missed = row["recall"] < 0.95 or row["species_of_found"] < 0.9
    measured = f"{_parts(row)}; all correct {_percent(row['all_right'])}"
    if row.get("median_s"):
        measured += f"; {1e3 * row['median_s']:.0f} ms, {row['slowest_s']:.1f} s at most"
    if row.get("not_fitting"):
        outside = row["cell_atoms"] - row["atoms"]
        whole = row["recall"] * row["atoms"] / row["cell_atoms"]
        measured += (
            f"; {row['not_fitting']} cells are larger than the box: {outside} of {row['cell_atoms']} atoms "
            f"lie outside and are not counted (counted as missed: {_percent(whole)} found)"
        )
    where = f"{VIEWS.get(row['view'], row['view'])}{cells} ({row['structures']})"
    measured += " (goal missed)" if is_missed else ""
    return Row(what, where, goal, measured, chosen=_parts(chosen) if chosen else "")


def _parts(row: Report) -> str:
    """Shares of atoms and elements of one model."""
    names = {
        "recall": "of atoms found",
        "precision": "of decoded atoms true",
        "species_of_found": "of elements correct",
    }
    return ", ".join(f"{_percent(row[key])} {name}" for key, name in names.items())


def _percent(share: float) -> str:
    """With one digit; only all reads as 100 %."""
    return f"{100 * share:.1f} %" if share == 1 or share < 0.9995 else "99.9 %"


def crystals_samples_table(report: Report) -> tuple[str, list[Row]]:
    """Generated crystals compared with the data and with simple priors, and interpolations."""
    caption = (
        "New crystals sampled from the prior, compared with structures of held-out formulas and with simple "
        "priors over the vectors; valid by the usual criteria (distances > 0.5 Å; composition: charge "
        "neutrality by smact); Wasserstein distances of the distributions to held-out structures"
    )
    rows = [sample_row(one) for one in report["samples"]]
    for one in report["interpolations"]:
        missed = " (goal missed)" if one["valid"] < STEPS_GOAL else ""
        where = f"{one['pairs']} pairs ({one['steps']} steps)"
        goal = f"valid ≥ {100 * STEPS_GOAL:.0f} %"
        rows.append(Row("linear interpolation", where, goal, f"valid {_percent(one['valid'])}{missed}"))
    return caption, rows


def sample_row(one: Report) -> Row:
    """One set of samples; the goals are for ours."""
    goals = SAMPLE_GOALS if one["what"] == OURS else {}
    missed = " (goal missed)" if any(one[key] < least for key, least in goals.items()) else ""
    goal = ", ".join(f"{key.replace('_', ' ')} ≥ {100 * least:.0f} %" for key, least in goals.items())
    measured = f"valid {_percent(one['valid'])}, composition {_percent(one['composition_valid'])}{missed}"
    measured += f"; unique {_percent(one['unique'])}, new {_percent(one['new'])}"
    others = f"density {one['density_distance']:.2f} g/cm³, elements {one['elements_distance']:.2f}"
    what = SAMPLES.get(one["what"], one["what"])
    return Row(f"sampled: {what}", f"{one['asked']}", goal, measured, others)


def crystals_stability_table(report: Report) -> tuple[str, list[Row]]:
    """Relaxed crystals: generated ones, random elements and known ones."""
    caption = (
        f"New crystals relaxed by {report['potential']} (random seed {report['seed']}, used for "
        f"{report['role']} only): energies above the hull of {report['phases']} phases, a lower bound, "
        "since larger cells and phases outside the pool are missing; SUN: stable (within 0 or 0.1 "
        "eV/atom), unique, and new by StructureMatcher among all structures of the pool with the formula; "
        "valid: atoms > 0.5 Å apart; strictly valid: > 0.7 of the sum of covalent radii, which every "
        "sample must pass"
    )
    beside = report.get("beside", {"rows": []})
    if beside["rows"]:
        caption += f". The limits were chosen on a part of the samples of random seed {beside['seed']}"
    chosen = {one["what"]: one for one in beside["rows"]}
    return caption, [stability_row(one, chosen.get(one["what"])) for one in report["rows"]]


def stability_row(one: Report, chosen: Report | None = None) -> Row:
    """One way to generate, with the figures of the seed that limits were chosen on."""
    is_drawn = bool(one["rejected"]) or one["drawn"] > one["count"]
    is_goal = one["what"].startswith("both generators")
    there = one["sun_0.1_new_framework"] / max(one["sun_0.1"], 1e-9)
    is_missed = one["sun_0.1"] < SUN_GOAL or there < NEW_FRAMEWORKS_GOAL
    missed = " (goal missed)" if is_goal and is_missed else ""
    goal = "SUN 0.1 ≥ 35 %, ≥ 20 % of these in new frameworks" if is_goal else ""
    above = one["median_above_hull"]
    measured = (
        f"SUN {_percent(one['sun_0'])} at 0, {_percent(one['sun_0.1'])} at 0.1 "
        f"({_percent(there)} of these in new frameworks){missed}; "
        f"stable {_percent(one['stable_0'])}, {_percent(one['stable_0.1'])}; "
        f"median above hull {'none' if above is None else f'{above:.3f} eV/atom'}; "
        f"energy lost in relaxation {one['median_energy_lost']:.3f} eV/atom, "
        f"atoms moved by {one['median_rmsd']:.3f} Å"
    )
    rejected = ", ".join(f"{count} {reason}" for reason, count in one["rejected"].items())
    drawn = f" of {one['drawn']} generated (rejected: {rejected})" if is_drawn else ""
    charges = one.get("composition_valid")
    others = f"valid {_percent(one['valid_loose'])}, strictly valid {_percent(one['valid_strict'])}"
    others += "" if charges is None else f", charge-neutral {_percent(charges)}"
    others += f"; unique {_percent(one['unique'])}, new {_percent(one['new'])}"
    others += f"; {PUBLISHED_STABILITY}" if is_goal else ""
    before = f"SUN {_percent(chosen['sun_0.1'])} at 0.1 of {chosen['count']}" if chosen else ""
    what = GENERATED.get(one["what"], one["what"])
    return Row(f"relaxed: {what}", f"{one['count']}{drawn}", goal, measured, others, before)


def crystals_frameworks_table(report: Report) -> tuple[str, list[Row]]:
    """Frameworks sampled by the network compared with the counts of its training data, and likelihoods."""
    caption = (
        "New frameworks: space group, sites, elements, cell and positions sampled by a network, compared "
        "with counts of the same training crystals by space group and Wyckoff letter; negative "
        "log-likelihoods in nats per structure for structures that neither was trained on (the weights "
        "were chosen on held-out formulas, nothing on mp_20 test); distances of the distributions to both "
        "sets (Wasserstein; space groups: total variation), the second to mp_20 test"
    )
    rows = [likelihood_row(one) for one in report["likelihood"]]
    return caption, rows + [framework_row(one) for one in report["samples"]]


def likelihood_row(one: Report) -> Row:
    """One network on one set."""
    parts = ("group", "letters", "elements", "cell", "places")
    measured = f"total {one['total']:.2f}: "
    measured += ", ".join(f"{PARTS.get(name, name)} {one[name]:.2f}" for name in parts)
    what = COUNTS if one["what"].startswith("counts") else one["what"]
    return Row(f"negative log-likelihood: {what}", f"{one['set']} ({one['structures']})", "", measured)


def framework_row(one: Report) -> Row:
    """One set of samples."""
    measured = f"composition {_percent(one['composition_valid'])}, unique {_percent(one['unique'])}"
    measured += f", new {_percent(one['new'])}, new frameworks {_percent(one['framework_new'])}"
    if one["acceptance"] is not None:
        measured += f"; all atoms fit in {_percent(one['acceptance'])} of trials"
        measured += f", {one['cpu_ms_each']:.0f} ms each"
    names = ("density", "elements", "atoms", "groups")
    others = ", ".join(
        f"{name} {one[f'{name}_distance']:.2f} and {one[f'{name}_distance_mp_20']:.2f}" for name in names
    )
    what = SAMPLES.get(one["what"], one["what"])
    return Row(f"sampled: {what}", f"{one['asked']}", "", measured, f"distances: {others}")


def crystals_others_table(report: Report) -> tuple[str, list[Row]]:
    """Structures unlike those of the data sets: one row for each kind."""
    caption = (
        f"Structures of other kinds: {report['all_right']} of {report['structures']} are rebuilt completely; "
        f"{len(report['refused'])} files are refused with a reason"
    )
    return caption, [
        kind_row(kind, report["rows"]) for kind in dict.fromkeys(one["kind"] for one in report["rows"])
    ]


def kind_row(kind: str, rows: list[Report]) -> Row:
    """Structures of one kind rebuilt."""
    own = [one for one in rows if one["kind"] == kind]
    right = sum(one["found"] == one["species_right"] == one["atoms"] for one in own)
    atoms = f"{min(one['atoms'] for one in own)} to {max(one['atoms'] for one in own)} atoms"
    ratio = max(one["latent"] / (4 * one["atoms"] + 6) for one in own)
    numbers = f"{max(one['latent'] for one in own)} numbers at most, {ratio:.1f} per parameter at most"
    slowest = f"{max(one['cpu_s'] for one in own):.1f} s at most"
    return Row(kind, f"{len(own)}, {atoms}", "", f"{right} of {len(own)} complete; {numbers}, {slowest}")
