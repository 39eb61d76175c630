"""What runs on a developer's machine or in CI only, never in AWS."""
