"""The DynamoDB tables: the items, and the conditions that decide."""
