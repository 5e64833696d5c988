"""How much of a bare pipeline's speed the whole exchange keeps, and where the rest goes."""
