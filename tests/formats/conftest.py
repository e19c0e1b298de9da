"""Property tests here have no deadline: what may take how long is asserted where it matters."""

from hypothesis import settings

settings.register_profile("formats", deadline=None)
settings.load_profile("formats")
