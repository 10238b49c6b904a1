"""Where code runs: worker processes that hold a session's variables and nothing of the host's."""
