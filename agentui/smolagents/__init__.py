"""Agents written with smolagents, run and shown like our own: its loop and prompts, our streaming, sandbox and stop."""
