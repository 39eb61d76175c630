"""The rules: what orders, states and webhooks mean and what follows from them. No I/O."""
