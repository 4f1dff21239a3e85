"""The README's table of what vectors of crystals mean: both halves, chosen on and reported."""

from report import Report, Row


def crystals_likeness_table(report: Report) -> tuple[str, list[Row]]:
    """How far vectors move with the setting, what is found nearest, volumes, and energies of formation."""
    caption = (
        "What a vector means: chosen on (mp_pool without benchmarks' rows; volumes: mp_20 val) / reported "
        "(mp_20 test, mpts_52 val); moves over the distance to the next other crystal"
    )
    rows = [settings_row(name, report["settings"]) for name in _distinct(report["settings"], "change")]
    rows.append(rebuilt_row(report["rebuilt"]))
    rows += [nearest_row(name, report["nearest"]) for name in _distinct(report["nearest"], "change")]
    rows.append(volumes_row(report["volumes"]))
    rows += [formation_row(one, report["formation"]) for one in report["formation"][1:]]
    return caption, rows


def settings_row(name: str, rows: list[Report]) -> Row:
    """Median and largest move of one change, of the vector laid on the other and of plain ones."""
    laid = "; ".join(
        f"{_both(rows, name, kind, 'median')} (largest {_both(rows, name, kind, 'largest')}) {what}"
        for kind, what in (("distance", "laid on each other"), ("canonical", "number by number"))
    )
    goal = "not 0" if name == "mirror image" else "0" if "shaken" not in name else "below 1"
    given = _both(rows, name, "as given", "median")
    return Row(f"moved by: {name}", _count(rows, name, "structures"), goal, laid, f"{given} as given")


def rebuilt_row(rows: list[Report]) -> Row:
    """Structures that come back as they are given."""
    right = " / ".join(f"{100 * one['all_right']:.1f} %" for one in rows)
    worst = " / ".join(f"{one['worst_rms']:.1g} Å" for one in rows)
    where = " / ".join(str(one["structures"]) for one in rows)
    largest = max(one["largest_latent"] for one in rows)
    return Row(
        "rebuilt in the setting given",
        where,
        "100 %",
        f"{right}, worst rms {worst}, at most {largest} numbers, 12 of them of the setting",
    )


def nearest_row(name: str, rows: list[Report]) -> Row:
    """How often the crystal that was changed comes first."""
    kinds = [kind for kind in _distinct(rows, "by") if kind != "fingerprint"]
    shown = ", ".join(f"{kind} {_both(rows, name, kind, 'first', 100)} %" for kind in kinds)
    others = f"fingerprint {_both(rows, name, 'fingerprint', 'first', 100)} %"
    among = _chosen(rows, name, "fingerprint")[0]["among"]
    return Row(
        f"found first among {among}: {name}", _count(rows, name, "asked", "fingerprint"), "", shown, others
    )


def volumes_row(rows: list[Report]) -> Row:
    """Volumes of crystals with an element replaced."""
    said = {
        kind: " / ".join(f"{100 * one['median_error']:.1f} %" for one in rows if one["volume"] == kind)
        for kind in ("network", "keep")
    }
    where = " / ".join(str(one["pairs"]) for one in rows if one["volume"] == "keep")
    return Row(
        "volume after a substitution", where, "", f"median error {said['network']}", f"kept: {said['keep']}"
    )


def formation_row(one: Report, rows: list[Report]) -> Row:
    """Energy of formation from one kind of input."""
    alone = next(row for row in rows if row["input"] == "composition")
    missed = " (goal missed)" if one["input"].endswith("latent") and one["report"] >= alone["report"] else ""
    goal = "below composition alone" if one["input"] == "composition + latent" else ""
    return Row(
        f"CHGNet's formation energy from {one['input']}",
        f"{one['choose_count']} / {one['report_count']}, learnt from {one['learn_count']}",
        goal,
        f"error {one['choose']:.3f} / {one['report']:.3f} eV/atom{missed if goal else ''}",
        f"the mean: {rows[0]['choose']:.3f} / {rows[0]['report']:.3f}",
    )


def _distinct(rows: list[Report], key: str) -> list[str]:
    return list(dict.fromkeys(row[key] for row in rows))


def _chosen(rows: list[Report], name: str, kind: str) -> list[Report]:
    return [row for row in rows if row["change"] == name and row["by"] == kind]


def _both(rows: list[Report], name: str, kind: str, key: str, times: float = 1.0) -> str:
    """A figure of both halves."""
    digits = 2 if times == 1 else 0
    return " / ".join(f"{times * row[key]:.{digits}f}" for row in _chosen(rows, name, kind))


def _count(rows: list[Report], name: str, key: str, kind: str = "canonical") -> str:
    return " / ".join(str(row[key]) for row in _chosen(rows, name, kind))
