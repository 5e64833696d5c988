"""Servers to try the harness on, each a process of its own: a null server, our exchange, and a faulty one."""
