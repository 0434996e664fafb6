"""Keys and what they seal: token sets at rest, token sets on their way to us, certificates."""
