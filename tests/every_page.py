"""A page of each kind, made of runs whose files have hostile names."""

import json
from pathlib import Path

import run_folders

from argand.io.manifest import begin_manifest
from argand.runs.overview import write_overview
from argand.systems.crystals.view import write_page as write_crystals
from argand.systems.geometry.drift.page import write_drift
from argand.systems.geometry.drift.series import drift_of, read_sources
from argand.systems.geometry.view import write_page as write_geometry
from argand.systems.molmnist.view import write_page as write_fibrils
from argand.systems.patterson.view import write_page as write_patterson

NAMES = (
    "javascript:pwned=1.cbf",
    "{{rows}}{{title}}$views%(x)s{0}",
    '"><img src=x onerror=pwned=1>',
    "'`${pwned=1}`' onmouseover='pwned=1",
    "<a href='javascript:pwned=1'><b>x&lt;b&gt;",
    "a\u2028b\u2029c",
    "new\nline",
    # "bytes\udcff\udcfe",
    "%2e%2e",
    "a#b?c=d&e",
    "-->]]><!--<script>",
    "long" * 40,
    "\\\\host\\share",
)
"""As files can be called."""
PATHS = (
    "</script><script>pwned=1</script>",
    "<!--<script>/</title></style>pwned",
    "//host/javascript:pwned=1",
)
"""As files can lie in folders that are called by someone else."""
PAGES = ("geometry", "image", "drift", "fibrils", "maps", "solved", "crystals", "way", "overview")


def runs_of(folder: Path) -> dict[str, Path]:
    """Folders of runs of all systems with hostile names, by the page that each makes."""
    paths = [*PATHS, *NAMES]
    cifs = folder / "cifs"
    run_folders.crystal_run(folder / "crystals", cifs, NAMES)
    first, second = (cifs / f"{NAMES[number]}.cif" for number in (2, 4))
    return {
        "geometry": run_folders.geometry_run(folder / "geometry", paths),
        "fibrils": run_folders.fibril_run(folder / "fibrils", [paths[0], *NAMES]),
        "maps": run_folders.map_run(folder / "maps", [f"{name}.npy" for name in paths], 4),
        "solved": run_folders.solved_run(folder / "solved", ["".join(NAMES[:5])]),
        "crystals": folder / "crystals",
        "way": run_folders.way_run(folder / "way", first, second),
    }


def pages_of(folder: Path) -> dict[str, Path]:
    """All of PAGES; each lies in the folder of its run."""
    runs = runs_of(folder)
    for run in runs.values():
        begin_manifest(run)
    drift = drift_of(read_sources([runs["geometry"]]))
    return {
        "geometry": write_geometry(runs["geometry"]),
        "image": image_page(runs["geometry"]),
        "drift": write_drift(folder / "drift.html", drift),
        "fibrils": write_fibrils(runs["fibrils"]),
        "maps": write_patterson(runs["maps"]),
        "solved": write_patterson(runs["solved"]),
        "crystals": write_crystals(runs["crystals"], among=[str(folder / "cifs")]),
        "way": write_crystals(runs["way"]),
        "overview": write_overview(folder),
    }


def image_page(folder: Path) -> Path:
    """The page of the first image of a run of geometry, whose pixels are drawn."""
    record = json.loads((folder / "results.jsonl").read_text(encoding="utf-8").splitlines()[0])
    return folder / f"{record['name']}.page.html"
