"""The module that dramatiq's command line loads in a worker process: `allie-xero worker` starts it."""

import os
import sys

import dramatiq

from entrypoints import heap, logs
from entrypoints.metrics import Metrics
from entrypoints.settings import load
from entrypoints.worker_process import build_broker

settings = load(os.environ)
metrics = Metrics()
# What dramatiq puts in its place leads to its first process, which would spend a tenth of a payslip's CPU on
# handing lines on.
logs.configure(settings.log_format, "worker", sys.__stdout__, redacted=metrics.redactions)
metrics.built(settings.revision)
broker = build_broker(settings, metrics)
dramatiq.set_broker(broker)
heap.settle()
