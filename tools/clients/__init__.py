"""API clients for other teams, generated from contracts/openapi.yaml by public generators."""
