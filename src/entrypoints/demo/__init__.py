"""The main job, as a person would want to see it: on real parts, in under a minute."""

from entrypoints.demo.story import main

__all__ = ["main"]
