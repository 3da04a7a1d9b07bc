"""The Restyle compute server: a router, a store, a scheduler, and one warm worker process per device."""
