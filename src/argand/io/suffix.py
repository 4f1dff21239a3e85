"""Suffixes of image files."""

import re

_MANY = "h5|hdf5|nxs|cxi"
MANY_IMAGES = re.compile(rf"\.({_MANY})$", re.IGNORECASE)
"""Suffixes of formats with any number of images per file."""
_ONE = (
    "cbf|img|mccd|marccd|rayonix|mar(?:1200|1600|1800|2000|2300|2400|3000|3450)|tiff?|edf|npy|"
    "sfrm|osc|rodhypix|esperanto|esper|kcd|mrc|dm3"
)
IMAGE = re.compile(rf"\.({_ONE}|{_MANY})(\.(bz2|gz))?$", re.IGNORECASE)
"""Suffixes of the files that are read as images from a folder."""
IMAGE_ENDING = re.compile(rf"(\.({_ONE}))?(\.(bz2|gz))?$", re.IGNORECASE)
"""Suffix of a single-image file, removed from the names of its outputs."""
