"""Clients of the HTTP API for other teams' code, made from contracts/openapi.yaml by public generators."""
