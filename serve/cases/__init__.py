"""Cases: the queue and its leases, and the decisions people make."""
