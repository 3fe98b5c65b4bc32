"""What the operating system says of ports and processes, and how Python is run by it."""
