"""Tests of the stream monitor over real sockets and in virtual time."""
