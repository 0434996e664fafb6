"""What stands between a request and the payroll: gateway, queries, rendering, limits."""
