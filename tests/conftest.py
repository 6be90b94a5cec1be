"""What all tests share."""

from hypothesis import settings

# The same examples in every run, so that a red run is the fault of a change and not of luck, and
# no example fails for being slow. To search for new ones: pytest --hypothesis-profile=default
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
