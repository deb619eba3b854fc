"""Costs, the order state machine, the venue simulator and the broker port."""
