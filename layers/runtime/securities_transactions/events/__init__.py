"""What is published on the bus: the schemas, how events are built, published and consumed."""
