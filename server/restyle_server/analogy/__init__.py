"""Image analogy: the layout of one picture built from the matter of another, by patches or by trained pyramids."""
