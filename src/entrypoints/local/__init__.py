"""
Services for a laptop or a test run, started privately: own folder, own port, loopback only.

Start with `finding.py`: it says where a PostgreSQL and a RabbitMQ may come from, in which order.
"""
