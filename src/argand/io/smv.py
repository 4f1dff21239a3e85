"""Headers of SMV (d*TREK) images, as ADSC and Rigaku write them."""

from collections.abc import Mapping

from argand.io.header import Header, number, pair, positive
from argand.io.moment import moment


def smv_header(keys: Mapping[str, str]) -> Header:
    """Header of an SMV image from its `KEY=value;` lines; lengths there in mm, wavelength in Å.

    ADSC beam centres follow no one convention. `DENZO_YBEAM` counts along the fast and `DENZO_XBEAM`
    along the slow axis, both from the first pixel of the file; they are used where present. Else
    `BEAM_CENTER_X` is taken as fast and `BEAM_CENTER_Y` as slow. Either way a note says so. Rigaku
    headers state the centre in px and leave no such doubt.
    """
    return _adsc_header(keys) if "PIXEL_SIZE" in keys else _rigaku_header(keys)


def _adsc_header(keys: Mapping[str, str]) -> Header:
    size = positive(number(keys["PIXEL_SIZE"]))
    centre, notes = _adsc_beam_centre(keys, size)
    return Header(
        pixel_size_mm=(size, size) if size else None,
        distance_mm=positive(number(keys.get("DISTANCE"))),
        wavelength=positive(number(keys.get("WAVELENGTH"))),
        header_beam_centre_px=centre,
        detector=" ".join(("ADSC", keys.get("DETECTOR_SN", ""))).strip(),
        two_theta_deg=number(keys.get("TWOTHETA")) or 0.0,
        oscillation_deg=number(keys.get("OSC_RANGE")) or 0.0,
        time=moment(keys.get("DATE", "")),
        saturation=positive(number(keys.get("CCD_IMAGE_SATURATION"))),
        pedestal=number(keys.get("IMAGE_PEDESTAL")) or 0.0,
        notes=notes,
    )


def _adsc_beam_centre(
    keys: Mapping[str, str], size_mm: float | None
) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    denzo = pair(number(keys.get("DENZO_YBEAM")), number(keys.get("DENZO_XBEAM")))
    plain = pair(number(keys.get("BEAM_CENTER_X")), number(keys.get("BEAM_CENTER_Y")))
    centre_mm = denzo or plain
    if centre_mm is None or size_mm is None:
        return None, ()
    used = "DENZO_YBEAM, DENZO_XBEAM" if denzo else "BEAM_CENTER_X, BEAM_CENTER_Y"
    fast, slow = centre_mm[0] / size_mm, centre_mm[1] / size_mm
    note = (
        f"the beam centre of an SMV header follows no one convention: read as fast, slow = {used}; "
        "other programs may exchange the two or count from another corner"
    )
    return (fast, slow), (note,)


def _rigaku_header(keys: Mapping[str, str]) -> Header:
    prefix = (keys.get("DETECTOR_NAMES", "").split() or [""])[0]
    spatial = [number(value) for value in keys.get(f"{prefix}SPATIAL_DISTORTION_INFO", "").split()]
    turn = keys.get("ROTATION", "").split()
    wave = keys.get("SCAN_WAVELENGTH", keys.get("SOURCE_WAVELENGTH", "")).split()
    return Header(
        pixel_size_mm=pair(*spatial[2:4]) if len(spatial) >= 4 else None,
        distance_mm=positive(_rigaku_position(keys, prefix, "dist")),
        wavelength=positive(number(wave[-1])) if wave else None,
        header_beam_centre_px=pair(*spatial[:2]) if len(spatial) >= 2 else None,
        detector=keys.get(f"{prefix}DETECTOR_DESCRIPTION", "").strip(),
        two_theta_deg=_rigaku_position(keys, prefix, "swing") or 0.0,
        oscillation_deg=(number(turn[2]) or 0.0) if len(turn) > 2 else 0.0,
        saturation=positive(number(keys.get("SATURATED_VALUE"))),
    )


def _rigaku_position(keys: Mapping[str, str], prefix: str, word: str) -> float | None:
    """The value of the first detector stage whose name contains `word`."""
    names = keys.get(f"{prefix}GONIO_NAMES", "").lower().split()
    values = keys.get(f"{prefix}GONIO_VALUES", "").split()
    return next((number(v) for n, v in zip(names, values, strict=False) if word in n), None)
