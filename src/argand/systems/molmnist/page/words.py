"""What the pages of molmnist say in words: what they show, in which units, and what the words mean."""

LEAD = (
    "Cross-sections of cellulose fibrils and of other bundles of chains, found from coherent diffraction "
    "patterns along the fibril axis. Lengths are in Å, q = 2π/d in 1/Å, angles in degrees; shapes are the "
    "electrons of the whole fibril in each pixel, projected along the beam. In arrays x is the fast axis "
    "and y the slow one, which is drawn upwards."
)
CHAINS_TOLD = (
    "Backbones of the chains that were found, drawn 200 Å long. Colours tell the (200) sheets apart. x and y "
    "are those of the shape, z is the beam and the fibril axis. Drag or arrow keys turn, + and − zoom."
)
"""Below the chains of a fibril."""
HAND_TOLD = "A projection does not show the hand of a twist: it is drawn right-handed."
STRAIGHT_TOLD = "The twist is unknown: they are drawn straight."
PLOTS_TOLD = (
    "Pattern: logarithmic; grey pixels were not measured, the darkest show no intensity or less than the "
    "scale. Standard deviation and difference are of shapes blurred by 1 Å, as they are compared. "
    "A pattern does not tell a shape from the same shape turned by 180°; a known truth is shown in the "
    "orientation that agrees. A pointer over a plot, or arrow keys, tell single values."
)
"""Below the plots of an answer."""
WORDS = {
    "pattern": "The measured intensities after the changes that the notes of an answer name, such as "
    "recentring. q = 0 is in its middle.",
    "window": "The square of real space that a pattern describes; its side is 2π divided by the step in "
    "q. It is stated by the user, follows from the file, or is assumed. A wrong window scales all lengths.",
    "shape": "Electrons in each pixel of the window, projected along the fibril.",
    "standard deviation": "Of the shape blurred by 1 Å, as predicted: where it is large, the shape is "
    "unsure. After ±, one standard deviation of a number.",
    "residual": "How far amplitudes of the answer are from the measured ones. For fibrils of the ten: "
    "Σ ||F| − k|F measured|| / Σ k|F measured| for q up to 1.9 /Å. For bundles, the misfit: the mean square "
    "difference of roots of counts, in units of its expected value.",
    "expected": "The residual that noise and the variety of shapes leave of a correct answer. Where an "
    "answer is much above it, the object is another one than the network knows.",
    "trusted": "The residual is near the expected one and the answer is sure enough; its reason gives the "
    "limit. The limits were set with patterns of fibrils, of other objects and of wrong windows.",
    "best guess": "An answer that is not trusted. Its numbers and shapes are grey: do not use them without a "
    "check of your own.",
    "twist": "Rotation of the cross-section along the axis, in degrees/nm: its absolute value, since a "
    "projection does not show the hand.",
    "end-to-end twist": "The angle by which one end of the fibril is turned against the other. A pattern "
    "tells it without the length; divided by a stated length it is the twist.",
    "rotation": "Angle of the fibril about the beam, from x towards y, modulo 180°.",
    "NxM, hexagonal-N": "Fibrils with the crystal structure of cellulose Iβ: diamonds of N by M chains, and "
    "hexagons of N chains.",
    "correlation": "Pearson's correlation of the shape with the true one, both blurred by 1 Å; 1 is the "
    "best.",
}
