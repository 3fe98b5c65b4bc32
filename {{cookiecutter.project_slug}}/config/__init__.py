"""The settings, as data: these modules import nothing but the standard library."""
