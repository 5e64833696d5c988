"""What the harness can load: one small class for each kind of exchange, and servers to try the harness on."""
