"""What one does to a running RabbitMQ with `rabbitmqctl`, wherever that command runs."""

from abc import ABC, abstractmethod


class RabbitmqControl(ABC):
    """A RabbitMQ whose `rabbitmqctl` can be called; `user` is its administrator."""

    user = "allie"

    @abstractmethod
    def ctl(self, *arguments: str) -> str:
        """
        Run `rabbitmqctl` and return what it prints; about half a second.

        Raises:
            LocalServiceError: it failed; the message holds what it said.
        """

    @abstractmethod
    def url_of(self, vhost: str) -> str:
        """Return the AMQP URL of a virtual host."""

    def add_vhost(self, name: str) -> str:
        """Make a virtual host and return its AMQP URL."""
        self.ctl("add_vhost", name)
        self.ctl("set_permissions", "-p", name, self.user, ".*", ".*", ".*")
        return self.url_of(name)

    def delete_vhost(self, name: str) -> None:
        """Delete a virtual host with all that is in it."""
        self.ctl("delete_vhost", name)

    def close_connections(self) -> None:
        """Drop every client's connection, as a fault of the network would."""
        self.ctl("close_all_connections", "--global", "dropped on purpose")
