"""Checks that what people read uses none of the words in banned.toml. CONTRIBUTING.md has the rules for prose."""
