"""What the endings of files say."""

import re

_MANY = "h5|hdf5|nxs|cxi"
MANY_IMAGES = re.compile(rf"\.({_MANY})$", re.IGNORECASE)
"""Of formats that hold any number of images in a file."""
_ONE = (
    "cbf|img|mccd|marccd|rayonix|mar(?:1200|1600|1800|2000|2300|2400|3000|3450)|tiff?|edf|npy|"
    "sfrm|osc|rodhypix|esperanto|esper|kcd|mrc|dm3"
)
IMAGE = re.compile(rf"\.({_ONE}|{_MANY})(\.(bz2|gz))?$", re.IGNORECASE)
"""Of files that are taken for images when a folder is named."""
IMAGE_ENDING = re.compile(rf"(\.({_ONE}))?(\.(bz2|gz))?$", re.IGNORECASE)
"""What is left out of a name for what is made from a file of one image."""
