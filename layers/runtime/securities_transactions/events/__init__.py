"""Events on the bus: their schemas, builder, publisher and consumer."""
