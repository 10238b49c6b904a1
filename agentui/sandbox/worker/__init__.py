"""What runs inside the worker process. `boot.py` starts it; nothing here may import more than the standard library."""
