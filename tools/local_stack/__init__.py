"""The local run on a developer's machine: the engine, the Gateway simulator, the console."""
