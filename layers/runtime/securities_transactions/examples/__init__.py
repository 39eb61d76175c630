"""The example consumers. functions/positions and functions/notifier run them."""
