"""What an operator runs against a stage: follow its events, publish them again, empty dead-letter queues."""
