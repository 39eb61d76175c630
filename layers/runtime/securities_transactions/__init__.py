"""Securities transactions through the smallcase Gateway: the runtime code of every function."""
