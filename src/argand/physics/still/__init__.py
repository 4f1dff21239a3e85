"""One diffraction image: detector, scattering, reflections, spots, lattice and rings."""
