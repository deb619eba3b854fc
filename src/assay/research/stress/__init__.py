"""What could happen to a strategy: other orders, other histories, other costs, other shocks."""
