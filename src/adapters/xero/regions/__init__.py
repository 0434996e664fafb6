"""What differs from country to country: one package each, and the accounting API that all share."""
