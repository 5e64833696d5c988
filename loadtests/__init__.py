"""Load-testing harness for e-document exchange servers (its rooms are built from issue 4 on)."""
