"""What checks, starts and stops the service. An update of the template replaces this folder.

Nothing in it knows what the service is about. It imports the standard library alone, but for
serving/, which the environment that serves runs.
"""
