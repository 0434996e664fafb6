"""The words of the field as values: frozen, slotted, with their rules as methods."""
