"""A simulator of the smallcase Gateway, a product of its own: `python -m tools.gateway_simulator --help`.

It follows docs/reference/gateway.md; what that page marks as unknown is a setting here (`settings.py`) or a fault
(`faults.py`).
"""
