"""Code for a developer's machine and CI only. It never runs in AWS."""
