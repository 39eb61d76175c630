"""The HTTP edge of the functions: requests and responses, problems, views, cursors, idempotency."""
