"""A simulator of the smallcase Gateway, as a separate product: `python -m tools.gateway_simulator --help`.

It follows docs/reference/gateway.md. What that page marks as unknown is a setting here (`settings.py`) or a fault
(`faults.py`).
"""
