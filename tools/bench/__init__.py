"""`make bench`: compare the cost of each function with a straightforward handler's in one run, as ratios."""
