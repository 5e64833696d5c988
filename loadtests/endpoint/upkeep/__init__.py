"""What an operator does with a store beside serving it: check it, back it up, restore it."""
