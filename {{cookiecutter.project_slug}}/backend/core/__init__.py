"""An update of the template replaces this folder; nothing in it knows what the service is about."""
