"""`./run demo`."""

import argparse

from entrypoints.demo.story import main

parser = argparse.ArgumentParser(
    prog="./run demo", description="A simulated clinic, from connect to certificate."
)
parser.add_argument("--keep", action="store_true", help="leave it all running, and print where")
parser.add_argument("--rabbitmq", action="store_true", help="use a private RabbitMQ node")
arguments = parser.parse_args()
main(keep=arguments.keep, rabbitmq=arguments.rabbitmq)
