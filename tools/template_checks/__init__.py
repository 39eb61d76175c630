"""`make validate`: find everything that would fail on AWS, or be unsafe there.

Each module is one check of the deployed templates and returns its findings as lines. `__main__` runs all of them.
"""
