"""`make bench`: what a webhook costs here and in a straightforward handler, side by side in one run, as ratios."""
