"""The rows that benchmarks of geometry make of their results."""

import tables


def test_rings_stand_beside_the_half_that_was_chosen_on():
    row = {"images": 9, "answered": 1.0, "median_px": 0.01, "p90_px": 0.08, "wrong": 0}
    row |= {"constant_px": 60.0, "network_px": 1.1}
    both = [row | {"kind": "smooth"}, row | {"kind": "all"}]
    chosen = [one | {"answered": 0.5} for one in both]
    caption, rows = tables.rings_table({"reported_on": {"rows": both}, "chosen_on": {"rows": chosen}})
    assert "9 images" in caption
    assert rows[0].measured == "trusted 100 %, median 0.01 px, 90th percentile 0.08 px, 0 wrong"
    assert rows[0].chosen.startswith("trusted 50 %")


def test_a_goal_of_upright_detectors_that_is_missed_is_said():
    one = {"stills": 28, "answered": 0.9, "within 1 px": 0.79, "median error": 0.02, "wrong": 1}
    report = {"upright with --max-tilt 0.5": [one, one], "electron file": {}}
    _, (row,) = tables.lattice_table(report)
    assert row.measured.endswith("1 wrong of 28 stills (goal missed)")
    report = {"upright with --max-tilt 0.5": [one, one | {"within 1 px": 0.8}]}
    assert "missed" not in tables.lattice_table(report)[1][0].measured


def test_panels_stand_beside_their_file_and_one_flat_image():
    one = {"answered": 0.75, "centre_px": [0.02, 0.4], "wrong": 1, "header_px": 14.0}
    one |= {"flat_answered": 0.0, "flat_centre_px": None, "flat_wrong": 0}
    _, (row,) = tables.panels_table(
        {"count": 20, "detectors": {"cspad": {"reported": one, "chosen on": one}}}
    )
    assert row.measured == "trusted 75 %, median 0.02 px, 90th percentile 0.40 px, 1 wrong"
    assert row.others == "header 14.0 px; as one flat image: trusted 0 %"
    assert row.chosen == row.measured
