"""The example consumers: what they do with an event. functions/positions and functions/notifier run them."""
