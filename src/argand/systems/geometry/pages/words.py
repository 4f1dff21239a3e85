"""The words of the pages, explained, and the units that they state."""

CONVENTIONS = (
    "Positions are (fast, slow) in pixels, counted from 0 at the outer edge of the first pixel, so that the "
    "middle of a pixel is at +0.5. Lengths in mm or Å, angles in degrees. "
    "Grey italics: the best guess of an answer that is not trusted."
)
"""HTML of every lead."""

WORDS = {
    "beam centre": "Where the direct beam would meet the detector. The header's is what the image file says, "
    "the predicted one what argand found.",
    "PONI": "Point of normal incidence: the foot of the perpendicular from the sample onto the detector. It "
    "is the beam centre only for a detector without tilt.",
    "pitch, yaw": "Tilt of the detector: turns about the laboratory's x (along fast) and y (along slow), "
    "right-handed about the beam centre, with the beam along +z.",
    "shift": "Predicted beam centre minus the header's.",
    "σ, ±": "Standard deviation of each coordinate. The ellipse in the image has three of them.",
    "d, resolution ring": "Spacing of lattice planes that scatter to a place on the detector, by Bragg's law "
    "d = λ / (2 sin θ); a ring joins places of equal d, and is an ellipse on a tilted detector.",
    "2θ": "Angle between the direct beam and the ray from the sample to a place on the detector.",
    "found, indexed": "Bright spots that were found in the image, and those of them that lie on the crystal "
    "lattice which gives the centre.",
    "evidence": "What decided: lattice (Bragg spots), rings (powder, ice or a calibrant) or network (the "
    "neural network alone, which looks at background and spots).",
    "trusted": "The evidence passes the checks for use without looking; the reason stands beside it.",
    "best guess": "The most likely centre of an answer that is not trusted. Check it against the image.",
    "hit": "An image with enough spots to be a diffraction pattern of a crystal.",
    "pooled": "One answer for all images of the same detector position.",
    "masked": "A pixel that is not used: a gap, a defect, or hidden by the user's mask.",
}
