"""What can happen at the source. `make.py` does it; the other modules each hold some kinds of change."""
