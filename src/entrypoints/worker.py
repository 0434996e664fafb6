"""The module that dramatiq's command line loads in a worker process: `allie-xero worker` starts it."""

import os

import dramatiq

from entrypoints import heap, logs
from entrypoints.metrics import Metrics
from entrypoints.settings import load
from entrypoints.worker_process import build_broker

settings = load(os.environ)
metrics = Metrics()
logs.configure(settings.log_format, "worker", redacted=metrics.redactions)
metrics.built(settings.revision)
broker = build_broker(settings, metrics)
dramatiq.set_broker(broker)
heap.settle()
