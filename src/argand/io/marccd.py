"""The binary header of MarCCD and Rayonix detectors after the first TIFF directory.

3072 bytes from byte 1024, 32-bit integers (Rayonix, "MarCCD header documentation"). Distances in micrometres,
angles in 1/1000 degree, wavelength in femtometres, pixel sizes in nanometres.
"""

import struct

from argand.io.header import Header, pair, positive

_BEGIN = 1024
"""First byte of the header, after 1024 bytes of TIFF."""
_LENGTH = 3072
"""Bytes of the header."""
_BYTE_ORDER, _SATURATED, _DISTANCE, _BEAM, _START_DISTANCE = 28, 104, 640, 644, 696
"""Byte offset within the header of a number, or the first of a pair (the same documentation)."""
_TWO_THETA, _ROTATION_RANGE, _PIXEL_SIZE, _BIAS, _WAVELENGTH = 668, 736, 772, 780, 908
"""As before; the bias is in 1/1000 counts."""
_SIZE = 80
"""As before: number of pixels along the fast and the slow axis."""


def marccd_header(blob: bytes) -> Header | None:
    """Header of a MarCCD or Rayonix TIFF from the bytes of the file; None for any other TIFF.

    The beam centre is specified in 1/1000 px; some beamlines write 1/1000 mm instead. The interpretation
    closer to the middle of the detector is used, and a note says if that is the second.
    """
    raw = blob[_BEGIN : _BEGIN + _LENGTH]
    order = _byte_order(raw)
    if order is None:
        return None

    def ints(offset: int, count: int = 1) -> tuple[int, ...]:
        return struct.unpack_from(f"{order}{count}i", raw, offset)

    size_nm = ints(_PIXEL_SIZE, 2)
    size_mm = (size_nm[0] * 1e-6, size_nm[1] * 1e-6) if min(size_nm) > 0 else None
    centre, notes = _beam_centre(ints(_BEAM, 2), ints(_SIZE, 2), size_mm)
    return Header(
        pixel_size_mm=size_mm,
        # Some programs only fill in the distance at the start of a scan.
        distance_mm=positive(ints(_DISTANCE)[0], 1e-3) or positive(ints(_START_DISTANCE)[0], 1e-3),
        wavelength=positive(ints(_WAVELENGTH)[0], 1e-5),
        header_beam_centre_px=centre,
        detector="MarCCD/Rayonix",
        two_theta_deg=ints(_TWO_THETA)[0] * 1e-3,
        oscillation_deg=ints(_ROTATION_RANGE)[0] * 1e-3,
        saturation=positive(ints(_SATURATED)[0]),
        pedestal=max(ints(_BIAS)[0], 0) * 1e-3,
        notes=notes,
    )


def _byte_order(raw: bytes) -> str | None:
    if len(raw) < _LENGTH:
        return None
    for order in "<>":
        # The header gives its byte order as 1234 or 4321, which no other TIFF has at this position.
        if struct.unpack_from(f"{order}I", raw, _BYTE_ORDER)[0] in (1234, 4321):
            return order
    return None


def _beam_centre(
    beam: tuple[int, ...], shape: tuple[int, ...], size_mm: tuple[float, float] | None
) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    centre = pair(beam[0] * 1e-3, beam[1] * 1e-3)
    if centre is None or size_mm is None:
        return centre, ()
    from_mm = (centre[0] / size_mm[0], centre[1] / size_mm[1])

    def off_middle(place: tuple[float, float]) -> float:
        return max(abs(place[0] / shape[0] - 0.5), abs(place[1] / shape[1] - 0.5))

    if min(shape) > 0 and off_middle(from_mm) < off_middle(centre):
        return from_mm, (
            "the header's beam centre is assumed to be in mm: in px it would be far from the middle",
        )
    return centre, ()
