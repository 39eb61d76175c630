"""The vendor's API: its client, tokens, secrets and errors."""
