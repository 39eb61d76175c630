"""The contracts with the consumers of events, made from the models: `python -m local.contracts`."""
