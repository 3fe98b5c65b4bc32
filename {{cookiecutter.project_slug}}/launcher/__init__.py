"""What starts and stops the service: behind run.py and bootstrap.py, standard library only.

The exceptions are development.py, gunicorn_worker.py and windows.py, which the environment that
serves runs.
"""
