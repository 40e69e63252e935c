"""The method itself: pure functions over integers. No I/O, no clock, no environment.

Time is UTC integer microseconds, money integer nano-units, node time integer node-microseconds.
Every interval is half-open, ``[start, end)``. Section numbers in docstrings refer to docs/method.md.
"""
