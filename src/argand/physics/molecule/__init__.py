"""Known molecules in a crystal: kinematics, structure factors in batches, search, restraints."""
