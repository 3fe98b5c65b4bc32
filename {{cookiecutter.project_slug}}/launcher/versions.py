"""Which Pythons the service runs on. Any Python that may meet this file can read it."""

OLDEST, NEWEST = (3, 11), (3, 14)
EXPECTED = "Python %d.%d to %d.%d" % (OLDEST + NEWEST)
