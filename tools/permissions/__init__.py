"""`make iam`: each role of the template allows what its function does, and nothing else.

What functions do is recorded by the tests (`tests/recorded_calls.py`); what AWS does in their name is derived from the
template. A policy evaluator from npm, not of ours, decides whether the policies of the translated template allow it.
"""
