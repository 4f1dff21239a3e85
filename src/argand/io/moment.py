"""The time at which an image was measured, from the date formats of image headers."""

import re
from datetime import datetime, timedelta

_FORMS = (
    # Dectris, NeXus (ISO 8601); older Pilatus firmware; ADSC and Rigaku; EDF of the ESRF.
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d", "%Y-%m-%d %H:%M:%S"),
    (r"\d{4}/[A-Z][a-z]{2}/\d\d \d\d:\d\d:\d\d", "%Y/%b/%d %H:%M:%S"),
    (r"[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d \d{4}", "%b %d %H:%M:%S %Y"),
    (r"\d{1,2}-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d", "%d-%b-%Y %H:%M:%S"),
)
"""Regular expression and strptime format of each date format."""


def moment(text: str) -> str | None:
    """The first date in `text` as ISO 8601 to the millisecond, in the header's time zone, or None.

    Time zone names are ignored: only headers of the same detector are compared.
    """
    for look, form in _FORMS:
        match = re.search(rf"({look})(\.\d+)?", text)
        if match is None:
            continue
        plain = " ".join(match.group(1).replace("T", " ").split())
        try:
            when = datetime.strptime(plain, form)
        except ValueError:
            return None
        return _iso(when + timedelta(seconds=float(match.group(2) or 0.0)))
    return None


def later(start: str | None, seconds: float) -> str | None:
    """The time `seconds` after `start`, in the format of `moment`."""
    if not (start and seconds):
        return start
    try:
        return _iso(datetime.fromisoformat(start) + timedelta(seconds=seconds))
    except (OverflowError, ValueError):  # the time between images is outside the plausible range
        return None


def _iso(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds")
