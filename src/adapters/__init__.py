"""One package per outside system; each fulfils ports of `domain` and none knows another."""
