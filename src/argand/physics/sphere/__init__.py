"""Equal spheres on voxels: their densities, Patterson maps, and the ways back, as published."""
