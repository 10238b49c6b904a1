"""Measured speeds, printed as tables; ratios are taken within one run because machines differ and drift."""
