"""An update of the template replaces this folder; nothing in it knows what the service is about.

It checks, starts and stops the service with the standard library alone. Only serving/, which
runs in the service's environment, imports more.
"""
