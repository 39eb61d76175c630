"""The use cases, one module each. They read and write through the gateway, storage and events packages."""
