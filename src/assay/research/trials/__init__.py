"""Every trial of a workspace, counted by the machine."""
