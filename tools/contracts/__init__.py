"""The contracts with the consumers of events, made from the models: `python -m tools.contracts`."""
