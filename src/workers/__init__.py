"""Everything that knows dramatiq's consuming side: broker, consumer, middleware, actors."""
