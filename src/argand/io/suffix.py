"""What the endings of files say."""

import re

MANY_IMAGES = re.compile(r"\.(h5|hdf5|nxs|cxi)$", re.IGNORECASE)
"""Of formats that hold any number of images in a file."""
