"""The gateway's own API, `/api/v1`."""
