"""Demonstrations that need no cluster and no database: made data, and the trace of a real service."""

from gpucost.demo.made import made_demo
from gpucost.demo.scenario import RELATION, Demo
from gpucost.demo.trace import TraceError, trace_demo

__all__ = ["RELATION", "Demo", "TraceError", "made_demo", "trace_demo"]
