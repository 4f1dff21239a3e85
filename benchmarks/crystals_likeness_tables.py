"""Table of distances between vectors of crystals, on the half used for choices and on the reported one."""

from report import Report, Row

WORDS = {
    "shaken": "noise",
    "turned": "rotation",
    "an element replaced": "one element replaced",
    "noise by": "noise of",
    "another cell": "another unit cell",
}
"""Words of the changes in the results, and those of the table."""
KINDS = {
    "as given": "vector as given",
    "distance, of ten by fingerprint": "distance (ten nearest by fingerprint)",
}


def crystals_likeness_table(report: Report) -> tuple[str, list[Row]]:
    """How far vectors move with the setting, nearest neighbours, volumes, and energies of formation."""
    caption = (
        "Distances between vectors, divided by the distance to the nearest other crystal: medians "
        "(largest in brackets). Settings were chosen on mp_pool without the rows of benchmarks (volumes: "
        "mp_20 val); the result is that of mp_20 test and mpts_52 val"
    )
    rows = [settings_row(name, report["settings"]) for name in _distinct(report["settings"], "change")]
    rows.append(rebuilt_row(report["rebuilt"]))
    rows += [nearest_row(name, report["nearest"]) for name in _distinct(report["nearest"], "change")]
    rows.append(volumes_row(report["volumes"]))
    rows += [formation_row(one, report["formation"]) for one in report["formation"][1:]]
    return caption, rows


def settings_row(name: str, rows: list[Report]) -> Row:
    """Median and largest move of one change, of aligned vectors and of plain ones."""
    goal = "not 0" if name == "mirror image" else "0" if "shaken" not in name else "below 1"
    chosen, reported = (_moves(_of(rows, half, name)) for half in ("choose", "report"))
    given = _of(rows, "report", name)["as given"]["median"]
    structures = _of(rows, "report", name)["canonical"]["structures"]
    others = f"vector as given {given:.2f}"
    return Row(f"vector moved by: {_words(name)}", f"{structures} structures", goal, reported, others, chosen)


def _moves(kinds: Report) -> str:
    shown = (("distance", "aligned"), ("canonical", "number by number"))
    return "; ".join(f"{what} {kinds[k]['median']:.2f} ({kinds[k]['largest']:.2f})" for k, what in shown)


def rebuilt_row(rows: list[Report]) -> Row:
    """Structures that come back as they were given."""
    chosen, reported = (
        f"{100 * one['all_right']:.1f} %, worst rms {one['worst_rms']:.1g} Å, at most "
        f"{one['largest_latent']} numbers, 12 of them for the setting"
        for one in (_half(rows, "choose")[0], _half(rows, "report")[0])
    )
    where = f"{_half(rows, 'report')[0]['structures']} structures"
    return Row("rebuilt in the setting given", where, "100 %", reported, chosen=chosen)


def nearest_row(name: str, rows: list[Report]) -> Row:
    """How often the crystal that was changed comes first."""
    kinds = [kind for kind in _distinct(rows, "by") if kind != "fingerprint"]
    reported = _of(rows, "report", name)
    chosen, found = (
        ", ".join(f"{KINDS.get(kind, kind)} {100 * half[kind]['first']:.0f} %" for kind in kinds)
        for half in (_of(rows, "choose", name), reported)
    )
    one = reported["fingerprint"]
    what = f"found first among {one['among']} after: {_words(name)}"
    others = f"fingerprint {100 * one['first']:.0f} %"
    return Row(what, f"{one['asked']} structures", "", found, others, chosen)


def volumes_row(rows: list[Report]) -> Row:
    """Volumes of crystals with an element replaced."""
    errors = {
        (half, kind): next(one for one in _half(rows, half) if one["volume"] == kind)
        for half in ("choose", "report")
        for kind in ("network", "keep")
    }
    texts = {key: f"{100 * one['median_error']:.1f} %" for key, one in errors.items()}
    return Row(
        "volume after a substitution, median error",
        f"{errors['report', 'keep']['pairs']} pairs",
        "",
        texts["report", "network"],
        f"volume kept {texts['report', 'keep']}",
        texts["choose", "network"],
    )


def formation_row(one: Report, rows: list[Report]) -> Row:
    """Energy of formation from one kind of input."""
    alone = next(row for row in rows if row["input"] == "composition")
    is_judged = one["input"] == "composition + latent"
    missed = " (goal missed)" if is_judged and one["report"] >= alone["report"] else ""
    return Row(
        f"CHGNet's formation energy predicted from {one['input'].replace('latent', 'vector')}",
        f"{one['report_count']} structures, trained on {one['learn_count']}",
        "below composition alone" if is_judged else "",
        f"error {one['report']:.3f} eV/atom{missed}",
        f"constant answer (the mean) {rows[0]['report']:.3f}",
        f"error {one['choose']:.3f} eV/atom",
    )


def _words(name: str) -> str:
    for old, new in WORDS.items():
        name = name.replace(old, new)
    return name


def _distinct(rows: list[Report], key: str) -> list[str]:
    return list(dict.fromkeys(row[key] for row in rows))


def _half(rows: list[Report], half: str) -> list[Report]:
    return [row for row in rows if row["half"] == half]


def _of(rows: list[Report], half: str, name: str) -> Report:
    """Rows of one change of one half by the kind of vector."""
    return {row["by"]: row for row in _half(rows, half) if row["change"] == name}
