"""The summary of each page of figures: about a dozen rows, each made from one result."""

from collections.abc import Callable, Mapping
from functools import partial

from crystals_tables import crystal_row, short_row, stability_row
from geometry_tables import centre_row, confidence_row, real_table, rings_table, tilt_row, with_choice
from machine_tables import pages_table, speed_table, startup_table, throughput_table
from molmnist_tables import CEILING, FITTED, molmnist_hard_trust_table
from patterson_crystal_tables import (
    patterson_molecule_table,
    patterson_solver_table,
    patterson_space_group_table,
)
from patterson_tables import patterson_foreign_maps_table, patterson_table
from report import Report, Row

Reports = Mapping[str, Report]
Line = tuple[str, Callable[[Report], Row | None]]


def picked(
    table: Callable[[Report], tuple[str, list[Row]]], what: str, where: str, report: Report
) -> Row | None:
    """The first row of a whole table whose quantity and data begin so."""
    rows = (row for row in table(report)[1] if row.what.startswith(what) and row.where.startswith(where))
    return next(rows, None)


def _preset(row: Callable[[Report], Row], name: str, report: Report) -> Row | None:
    halves = [
        next((one for one in report[half] if one["preset"] == name), None) for half in ("report", "choose")
    ]
    return None if None in halves else with_choice(*map(row, halves))  # pyright: ignore[reportArgumentType]


def wrong_answers(report: Report) -> Row:
    """Trusted answers to simulated stills that were far off, on both halves."""
    return with_choice(confidence_row(report["report"]), confidence_row(report["choose"]))


def _crystal(name: str, latent: int, noise: float, report: Report) -> Row | None:
    wanted = (name, latent, noise, "all")
    rows = (r for r in report["rows"] if (r["set"], r["latent"], r["noise"], r["atoms"]) == wanted)
    return next(map(crystal_row, rows), None)


def _short(coding: str, name: str, numbers: int, report: Report) -> Row | None:
    rows = (r for r in report["rows"] if (r["coding"], r["set"], r["numbers"]) == (coding, name, numbers))
    return next((short_row(row, report["rows"]) for row in rows), None)


def _stable(what: str, report: Report) -> Row | None:
    chosen = {one["what"]: one for one in report.get("beside", {"rows": []})["rows"]}
    rows = (one for one in report["rows"] if one["what"].startswith(what))
    return next((stability_row(one, chosen.get(one["what"])) for one in rows), None)


def shape(condition: str, report: Report) -> Row | None:
    """Our best shape in one condition of `hard`, compared with the best baseline and with the ceiling."""
    rows = [r for r in report["rows"] if (r["task"], r["condition"]) == ("inversion", condition)]
    ours = next((row for row in rows if row["model"] == FITTED), None)
    fair = [row for row in rows if row.get("floor") and "told" not in row["model"]]
    if ours is None or not fair:
        return None
    best = max(fair, key=lambda row: row["psnr_db"])
    others = f"best baseline ({best['model']}) {best['psnr_db']:.1f} dB"
    ceiling = [row["psnr_db"] for row in rows if row["model"] == CEILING]
    others += "".join(f", ceiling (true phases given) {value:.1f} dB" for value in ceiling)
    where = f"`hard`, {CONDITIONS[condition]} ({ours['count']} patterns)"
    measured = f"{ours['psnr_db']:.1f} dB, resolution {ours['resolution_a']:.1f} Å"
    return Row("shape of a fibril, PSNR", where, "", measured, others)


def _chains(report: Report) -> Row | None:
    rows = [r for r in report["rows"] if (r["task"], r["condition"]) == ("chains", "1e4-photons")]
    ours = next((row for row in rows if row["model"] == FITTED), None)
    fair = [row for row in rows if row.get("floor") and "told" not in row["model"]]
    if ours is None or not fair:
        return None
    best = min(fair, key=lambda row: row["mae_chains"])
    where = f"`hard`, 10⁴ photons ({ours['count']} patterns)"
    measured, others = (
        f"{one['mae_chains']:.1f}, exact in {100 * one['exact']:.0f} %" for one in (ours, best)
    )
    return Row("number of chains, mean error", where, "", measured, f"{best['model']} {others}")


CONDITIONS = {
    "clean": "no noise",
    "1e6-photons": "10⁶ photons",
    "1e4-photons": "10⁴ photons",
    "1e3-photons": "10³ photons",
}
SUMMARIES: dict[str, list[Line]] = {
    "geometry": [
        *(
            ("geometry_real", partial(picked, real_table, what, where))
            for what, where in (
                ("images with", "thaumatin"),
                ("centre, median", "thaumatin"),
                ("centre, worst", "thaumatin"),
                ("images with", "l-cysteine sweep 04"),
                ("images with", "l-cysteine sweep 01"),
                ("images with", "ADSC"),
            )
        ),
        *(
            ("geometry_simulated", partial(_preset, row, name))
            for row, name in (
                (centre_row, "standard"),
                (centre_row, "flat-background"),
                (centre_row, "binary"),
                (centre_row, "realistic"),
                (tilt_row, "standard"),
            )
        ),
        ("geometry_simulated", wrong_answers),
        ("geometry_rings", partial(picked, rings_table, "centre from rings", "all")),
    ],
    "patterson": [
        *(
            ("patterson_solver", partial(picked, patterson_solver_table, kind, where))
            for kind, where in (
                ("measured", "data to 0.84 Å, formula"),
                ("measured", "data to 1.2 Å, formula"),
                ("measured", "data to 0.84 Å, contents"),
                ("simulated crystals", "data to 0.84 Å, formula"),
                ("simulated crystals", "data to 1.2 Å, formula"),
                ("simulated electron", "data to 0.84 Å"),
            )
        ),
        ("patterson_space_group", partial(picked, patterson_space_group_table, "measured", "")),
        ("patterson_space_group", partial(picked, patterson_space_group_table, "simulated", "")),
        (
            "patterson_molecule",
            partial(picked, patterson_molecule_table, "measured crystals: rigid", "data to 2"),
        ),
        ("patterson", partial(picked, patterson_table, "network and refinement", "published")),
        ("patterson", partial(picked, patterson_table, "network and refinement", "20 % noise")),
        (
            "patterson_foreign_maps",
            partial(picked, patterson_foreign_maps_table, "", "own simulator, 20 % noise, given"),
        ),
    ],
    "crystals": [
        ("crystals", partial(_crystal, "mp_20 test", 512, 0.0)),
        ("crystals", partial(_crystal, "mpts_52 val", 512, 0.0)),
        ("crystals", partial(_crystal, "mp_pool, 53 to 200 atoms", 512, 0.0)),
        ("crystals_short", partial(_short, "symmetric", "mp_20 test", 64)),
        ("crystals_short", partial(_short, "symmetric", "mp_20 test", 32)),
        ("crystals_short", partial(_short, "symmetric", "mpts_52 val", 64)),
        ("crystals_stability", partial(_stable, "both generators")),
        ("crystals_stability", partial(_stable, "substitution, new")),
        ("crystals_stability", partial(_stable, "random elements")),
        ("crystals_stability", partial(_stable, "real")),
    ],
    "molmnist": [
        *(("molmnist_hard", partial(shape, name)) for name in CONDITIONS),
        ("molmnist_hard", _chains),
        *(
            ("molmnist_hard_trust", partial(picked, molmnist_hard_trust_table, "trusted", kind))
            for kind in (
                "bundles, 1,000,000",
                "bundles, 10,000",
                "bundles, 1,000 ",
                "the ten fibrils, 10⁴",
                "blobs",
            )
        ),
    ],
    "machines": [
        *(
            ("throughput", partial(picked, throughput_table, f"`{verb}", ""))
            for verb in (
                "geometry predict",
                "patterson predict",
                "patterson solve",
                "crystals enc",
                "crystals rec",
            )
        ),
        *(
            ("geometry_speed", partial(picked, speed_table, "time", where))
            for where in ("`argand --help", "CBF, model", "CBF.bz2, model")
        ),
        ("startup", partial(picked, startup_table, "processor time", "`argand geometry predict`")),
        ("pages", partial(picked, pages_table, "page", "geometry, 1 image")),
        ("pages", partial(picked, pages_table, "page", "patterson, 1 crystal")),
    ],
}


def summary(name: str, reports: Reports) -> list[Row]:
    """About a dozen rows of the tables of a page, those that were measured."""
    rows = (make(reports[result]) for result, make in SUMMARIES[name] if result in reports)
    return [row for row in rows if row is not None]
