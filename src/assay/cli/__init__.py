"""The command line: one module for each command or group. Nothing heavy is imported for help."""
