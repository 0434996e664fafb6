"""The message broker's producing side: events that leave the outbox."""
