"""The network behind the linear code of a box: what the code leaves out, and sharp maps of atoms."""
