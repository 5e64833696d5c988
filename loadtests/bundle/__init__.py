"""The evidence bundle: all that proves what became of one message, in one file that is checked offline."""
