"""Operator commands for a stage: follow its events, republish them, redrive dead-letter queues."""
