"""A RabbitMQ that crashes, once it has written down what was declared."""

from entrypoints.local.rabbitmq import PrivateRabbitmq


def crash(node: PrivateRabbitmq) -> None:
    """
    Kill the node.

    RabbitMQ 3.10 answers a declaration before Mnesia has written it down: of 18 durable queues whose node was
    killed in that moment, 3 were gone. Dumped into its tables they stay (`mnesia:dump_log/0` of Erlang's
    documentation). Ours are as old as the installation.
    """
    node.ctl("eval", "mnesia:dump_log().")
    node.kill()
