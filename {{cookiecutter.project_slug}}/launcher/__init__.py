"""What starts and stops the service: behind run.py and bootstrap.py, standard library only.

The one exception is development.py, which the environment that serves runs as a program.
"""
