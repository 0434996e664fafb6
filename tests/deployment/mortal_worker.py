"""The module that dramatiq's command line loads in a mortal worker's process; see `deployment.mortal`."""

from deployment.mortal import Mortal
from entrypoints.worker import broker

broker.add_middleware(Mortal())

__all__ = ["broker"]
