"""What the process that serves runs, in the environment that has the requirements."""
