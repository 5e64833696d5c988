"""The deterministic simulation of the exchange; see README.md."""
