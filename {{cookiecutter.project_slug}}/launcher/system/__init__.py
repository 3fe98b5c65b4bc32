"""What the operating system says of ports and processes."""
