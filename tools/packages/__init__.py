"""Packages for the teams that consume the events, built from the product's own modules and schemas."""
