"""The contracts with API clients and event consumers, generated from the models: `python -m tools.contracts`."""
