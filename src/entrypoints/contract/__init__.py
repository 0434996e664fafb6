"""
The contract with the main platform, said from the code's own message types.

`schemas` and `asyncapi` describe every event, `examples` shows each, `files` is what `docs/events/` holds.
"""
