"""The use cases, a module each: they read and write through the gateway, storage and events packages."""
