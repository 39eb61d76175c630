"""`make iam`: check that each role of the template allows exactly the calls of its function.

The tests record the calls of the functions (`tests/recorded_calls.py`). The calls that AWS makes on their behalf are
derived from the template. An independent policy evaluator from npm decides whether the policies of the translated
template allow them.
"""
