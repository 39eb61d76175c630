"""The DynamoDB tables: what is written where, and the conditions that decide."""
