"""The runner, in virtual time."""
