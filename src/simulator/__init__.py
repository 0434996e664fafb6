"""A Xero that runs on loopback: for tests, for the demo, and for the main platform's own development."""
