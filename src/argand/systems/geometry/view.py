"""The pages of a run, made from its records and files: one page, and one for each of several images."""

from pathlib import Path

from argand.io.manifest import has_manifest, listed
from argand.page.document import PAGE, Document, write_document
from argand.page.markup import link, text
from argand.page.parts import left_out
from argand.runs.command import commands_of
from argand.runs.fields import usable_records
from argand.runs.record import RESULTS, Record, read_results
from argand.systems.geometry.files.record import TABLE, fields_of, with_verdict
from argand.systems.geometry.files.text import label
from argand.systems.geometry.pages.answer import answer_card
from argand.systems.geometry.pages.overview import (
    answer_table,
    doubts,
    main_figures,
    near_links,
    thumbnail_list,
)
from argand.systems.geometry.pages.run import ENDING, RunPages
from argand.systems.geometry.pages.words import CONVENTIONS, WORDS


def write_page(folder: Path) -> Path:
    """Write the page of the run in `folder`, and pages of its images if there are several.

    Damaged records are left out and reported on the page; InputError for a folder without a run.
    """
    found = [with_verdict(record) for record in read_results(folder)]
    records, told = usable_records(found, fields_of, folder / RESULTS)
    run = RunPages(folder, sorted(records, key=lambda record: not record.get("pooled")))
    pages = set() if run.is_one_page else {run.page_of(record) for record in run.images}
    _remove_others(folder, pages)
    for record in run.images if pages else []:
        _write_image(run, record)
    return _write_run(run, told)


def _write_run(run: RunPages, told: list[str]) -> Path:
    """The page of the run: figures, table and thumbnails, and cards of answers without a page."""
    many = not run.is_one_page
    here = [record for record in run.records if run.page_of(record) == PAGE]
    marks = {id(record): f"answer-{place}" for place, record in enumerate(here)}
    cards = [record for record in here if record.get("name") or not many]
    thumbs, without = thumbnail_list(run) if many else ("", [])
    count = len(run.single)
    parts = [
        left_out([*told, *without]),
        main_figures(run),
        answer_table(run, marks) if len(run.records) > 1 else "",
        thumbs,
        doubts(run, [record for record in run.records if not any(record is one for one in cards)], marks),
        *(answer_card(run, record, marks[id(record)]) for record in cards),
    ]
    what = "Where the beam meets the detector, and how the detector is tilted, for each image"
    document = Document(
        f"Beam geometry of {'1 image' if count == 1 else f'{count} images'}",
        f"{what}. {CONVENTIONS}",
        parts,
        WORDS,
        commands_of(run.folder),
        [link(name, f"{name} ({what})") for name, what in _FILES if (run.folder / name).is_file()],
    )
    return write_document(run.folder / PAGE, document, shared=many)


_FILES = ((TABLE, "all numbers as a table"), (RESULTS, "all numbers, one JSON object per line"))


def _write_image(run: RunPages, record: Record) -> None:
    lead = f"Beam centre and tilt of one image of {text(run.folder.resolve().name)}. {CONVENTIONS}"
    document = Document(
        label(record),
        lead,
        [answer_card(run, record, heading="Answer")],
        WORDS,
        commands_of(run.folder),
        near=near_links(run, record),
    )
    write_document(run.folder / run.page_of(record), document, shared=True)


def _remove_others(folder: Path, pages: set[str]) -> None:
    """Remove pages of images that the run does not have any more."""
    if has_manifest(folder):
        for path in list(listed(folder)):
            if path.name.endswith(ENDING) and path.name not in pages and path.parent == folder.absolute():
                path.unlink(missing_ok=True)
