"""What every service of the template has. An update of the template replaces this folder.

Nothing in it knows what the service is about.
"""
