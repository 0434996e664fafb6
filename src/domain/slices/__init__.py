"""The steps of a slice: plan a batch, fetch it within the budget, save what came."""
