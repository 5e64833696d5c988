"""The exchange protocol as pure functions and values: no I/O, no clock and no randomness of its own."""
