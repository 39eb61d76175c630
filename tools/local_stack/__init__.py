"""What runs on a laptop only: the engine, the Gateway simulator, the console."""
