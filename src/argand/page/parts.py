"""Parts of a page as HTML: tables, badges and verdicts, facts, notes, folds, links and thumbnails."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from argand.page.markup import address, best_guess, text

MOST_TOLD = 20
"""Most lines on a page about skipped items. By hand: more add nothing new."""


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading (plain text), and whether it holds numbers, which are set right."""

    name: str
    number: bool = False


@dataclass(frozen=True)
class Row:
    """A row of a table: HTML cells; the first one names the row."""

    cells: Sequence[str]
    group: str | None = None
    """A click shows item `number` in the views of this group."""
    number: int = 0
    strong: bool = False
    """For a row over several others."""
    mark: str | None = None
    """Links lead to it."""


def table(
    columns: Sequence[str | Column],
    rows: Iterable[Row | Sequence[str]],
    *,
    caption: str = "",
    sorts: bool = True,
) -> str:
    """A table with these columns and rows of HTML cells; `caption` is plain text.

    In a browser its headings sort it (unless not `sorts`), more than 50 rows are shown in pages, and on a
    phone each row is a card with its headings before its cells.
    """
    heads = [one if isinstance(one, Column) else Column(one) for one in columns]
    top = "".join(f'<th scope="col"{_kind(one)}>{text(one.name)}</th>' for one in heads)
    body = "".join(_row(heads, row if isinstance(row, Row) else Row(row)) for row in rows)
    told = f"<caption>{text(caption)}</caption>" if caption else ""
    kind = "sheet stacks sorts" if sorts else "sheet stacks"
    return (
        f'<div class="{kind}"><table>{told}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _row(heads: Sequence[Column], row: Row) -> str:
    marks = f' id="{text(row.mark)}"' if row.mark else ""
    if row.group is not None:
        marks += f' data-group="{text(row.group)}" data-number="{row.number}"'
    if row.strong:
        marks += ' class="strong"'
    cells = []
    for number, (head, cell) in enumerate(zip(heads, row.cells, strict=True)):
        tag, scope = ("th", ' scope="row"') if number == 0 else ("td", "")
        cells.append(f'<{tag}{scope}{_kind(head)} data-label="{text(head.name)}">{cell}</{tag}>')
    return f"<tr{marks}>{''.join(cells)}</tr>"


def _kind(column: Column) -> str:
    return ' class="number"' if column.number else ""


def badge(trusted: bool, words: str | None = None) -> str:
    """A badge with a sign besides its colour: trusted or not trusted, or other plain `words`."""
    kind, sign, told = ("good", "✓", "trusted") if trusted else ("bad", "✗", "not trusted")
    return f'<span class="badge {kind}">{sign} {text(words or told)}</span>'


def verdict(trusted: bool, reason: str) -> str:
    """Whether an answer is trusted, and why, in plain text."""
    words = "trusted" if trusted else "not trusted: best guess"
    return f'<p class="verdict {"good" if trusted else "bad"}">{badge(trusted, words)} {text(reason)}</p>'


def shown(html: str, trusted: bool) -> str:
    """A value as HTML, grey where its answer is not trusted."""
    return html if trusted or not html else best_guess(html)


def facts(entries: Iterable[tuple[str, str]], trusted: bool = True) -> str:
    """A list of names (plain text) and values (HTML); entries without a value are left out."""
    cells = (
        f"<div><dt>{text(name)}</dt><dd>{shown(value, trusted)}</dd></div>"
        for name, value in entries
        if value
    )
    return f"<dl>{''.join(cells)}</dl>"


def tiles(entries: Iterable[tuple[str, str]]) -> str:
    """The main figures of a page: values and what they are, in plain text."""
    cells = (
        f'<div class="tile"><b>{text(value)}</b><span>{text(name)}</span></div>' for value, name in entries
    )
    return f'<div class="tiles">{"".join(cells)}</div>'


def card(title: str, *parts: str, mark: str | None = None) -> str:
    """A section with a heading (HTML) and its parts; links lead to its `mark`."""
    known = f' id="{text(mark)}"' if mark else ""
    return f'<section class="card"{known}><h2>{title}</h2>{"".join(parts)}</section>'


def fold(summary: str, *parts: str, opened: bool = False) -> str:
    """Parts behind a heading (plain text) that a click opens and closes."""
    return f"<details{' open' if opened else ''}><summary>{text(summary)}</summary>{''.join(parts)}</details>"


def links(entries: Iterable[str]) -> str:
    """A list of links, which are HTML."""
    found = list(entries)
    return f'<ul class="links">{"".join(f"<li>{one}</li>" for one in found)}</ul>' if found else ""


def glossary(words: Mapping[str, str]) -> str:
    """The words of a page, explained in plain text, in a fold."""
    cells = "".join(f"<dt>{text(word)}</dt><dd>{text(told)}</dd>" for word, told in words.items())
    return fold("Words used on this page", f'<dl class="glossary">{cells}</dl>')


def commands(lines: Sequence[str]) -> str:
    """The commands that repeat a run, with a button that copies them."""
    whole = "\n".join(lines)
    return f'<div data-copy="{text(whole)}"><pre><code>{text(whole)}</code></pre></div>'


def thumbnails(entries: Iterable[tuple[str, str, str]]) -> str:
    """Small pictures that link to what they show: target (an address or `#id`), data URL, HTML below."""
    cells = (
        f'<li><a href="{target if target.startswith("#") else address(target)}">'
        f'<img loading="lazy" alt="" src="{source}"><span>{below}</span></a></li>'
        for target, source, below in entries
    )
    return f'<ul class="thumbs">{"".join(cells)}</ul>'


def left_out(told: Sequence[str]) -> str:
    """What could not be shown, and why, in plain text; nothing where all is shown."""
    more = [f"and {len(told) - MOST_TOLD} more"] if len(told) > MOST_TOLD else []
    return "".join(f'<p class="note">{text(line)}</p>' for line in [*told[:MOST_TOLD], *more])
