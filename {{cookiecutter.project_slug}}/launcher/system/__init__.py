"""What the operating system says about ports and processes, and how Python is started."""
