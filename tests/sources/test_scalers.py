"""Which tools that scale nodes are read, which are named, and what is passed over."""

from __future__ import annotations

import pytest
from commandshapes import SHAPES, Shape

from gpucost.sources.cronjobs.commandline import Reading, read_scaling_commands


def read(shape: Shape) -> Reading:
    return read_scaling_commands(shape.command, shape.env, shape.files, shape.image)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape.command or shape.image)[:60])
def test_each_shape_says_what_it_scales(shape: Shape) -> None:
    reading = read(shape)
    assert (reading.unread.kind if reading.unread else None) == shape.issue, reading
    if shape.issue:
        assert reading.unread is not None
        assert shape.names in reading.unread.reason
    else:
        assert {command.pool: command.nodes for command in reading.commands} == shape.counts
        assert all(command.per_zone == shape.per_zone for command in reading.commands)
    assert bool(reading.passed_over) == shape.has_pods
