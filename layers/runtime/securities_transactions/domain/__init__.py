"""Domain rules: the meaning of orders, states and webhooks, and the decisions that follow. No I/O."""
