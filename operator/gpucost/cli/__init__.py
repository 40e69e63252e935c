"""The command line: gpucost, and the same as kubectl gpucost."""
