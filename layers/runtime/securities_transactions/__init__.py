"""Securities transactions through the smallcase Gateway: what every function finds at run time."""
