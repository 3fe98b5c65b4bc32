"""Runs in the process that serves, in the environment that has the requirements."""
