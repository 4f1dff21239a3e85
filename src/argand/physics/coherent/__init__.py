"""One object in the plane and its coherent diffraction."""
