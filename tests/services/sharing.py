"""
A pytest plug-in: how tests are shared out when several processes run them (`pytest -n`).

What needs RabbitMQ goes to one process, because a node takes seconds to start; of the rest each file stays
together, for the sake of what its tests share.
"""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        needed = getattr(item, "fixturenames", ())
        group = "rabbitmq" if "rabbitmq" in needed else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
