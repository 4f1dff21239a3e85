"""Property tests without a time limit for each example: a busy machine is no defect of the physics."""

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
