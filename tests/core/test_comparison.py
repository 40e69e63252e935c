"""Why a cost changed: quantities are put from before to after one at a time, and the effects sum exactly to the change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucost.core.comparison import NodeEffects, NodeUsage, ServiceEffects, ServiceUsage, node_effects, service_effects

BEFORE = NodeUsage(cost=200, node_us=2000, executed_us=1000, successes=100)
"""A success takes 10, is held nodes for 20, and costs 2."""
SERVICE = ServiceUsage(cost=300, executed_us=600, successes=60)
"""A success takes 10 and costs 5."""


@pytest.mark.parametrize(
    ("after", "effects"),
    [
        pytest.param(BEFORE, NodeEffects(), id="nothing changed"),
        pytest.param(NodeUsage(400, 2000, 1000, 100), NodeEffects(price=200), id="twice the price"),
        pytest.param(NodeUsage(300, 3000, 1000, 100), NodeEffects(schedule=100), id="half as many nodes more"),
        pytest.param(NodeUsage(400, 4000, 2000, 200), NodeEffects(volume=200), id="twice of everything"),
        pytest.param(
            NodeUsage(200, 2000, 2000, 200),
            NodeEffects(volume=200, schedule=-200),
            id="twice the tasks on the same nodes",
        ),
        pytest.param(
            NodeUsage(200, 2000, 1500, 100),
            NodeEffects(efficiency=100, schedule=-100),
            id="tasks half as long again, on the same nodes",
        ),
        pytest.param(
            NodeUsage(200, 2000, 1000, 50),
            NodeEffects(volume=-100, efficiency=100),
            id="half of the successes fail in the same time",
        ),
        pytest.param(NodeUsage(900, 4500, 3000, 200), NodeEffects(200, 200, -150, 450), id="200, 400, 600, 450, 900"),
    ],
)
def test_node_cost_is_successes_x_time_x_nodes_x_price(after: NodeUsage, effects: NodeEffects) -> None:
    assert node_effects(BEFORE, after) == effects


@pytest.mark.parametrize(
    ("before", "after", "effects"),
    [
        pytest.param(NodeUsage(), BEFORE, NodeEffects(schedule=200), id="a new type is of the schedule"),
        pytest.param(BEFORE, NodeUsage(), NodeEffects(schedule=-200), id="so is one that is gone"),
        pytest.param(
            NodeUsage(0, 0, 50, 5), BEFORE, NodeEffects(schedule=200), id="also if tasks ran there, off schedule"
        ),
        pytest.param(
            NodeUsage(100, 1000, 0, 0), BEFORE, NodeEffects(schedule=100), id="nothing ran before: nodes and price only"
        ),
        pytest.param(
            BEFORE,
            NodeUsage(200, 2000, 0, 0),
            NodeEffects(volume=-200, schedule=200),
            id="nothing ran after: no work, and nodes for no work",
        ),
        pytest.param(
            NodeUsage(100, 1000, 500, 0),
            BEFORE,
            NodeEffects(efficiency=100),
            id="only failures before: volume falls to the next step",
        ),
        pytest.param(
            NodeUsage(0, 1000, 1000, 100), BEFORE, NodeEffects(price=200), id="a price that was unknown is of the price"
        ),
        pytest.param(
            NodeUsage(100, 1000, None, None), BEFORE, NodeEffects(schedule=100), id="no tasks before: unknown, not none"
        ),
        pytest.param(
            BEFORE, NodeUsage(600, 4000, None, None), NodeEffects(schedule=200, price=200), id="no tasks after"
        ),
    ],
)
def test_a_quantity_that_is_zero_or_unknown_scales_nothing(
    before: NodeUsage, after: NodeUsage, effects: NodeEffects
) -> None:
    assert node_effects(before, after) == effects


@pytest.mark.parametrize(
    ("after", "effects"),
    [
        pytest.param(SERVICE, ServiceEffects(0, 0, 0), id="nothing changed"),
        pytest.param(ServiceUsage(600, 1200, 120), ServiceEffects(300, 0, 0), id="twice the successes"),
        pytest.param(ServiceUsage(600, 1200, 60), ServiceEffects(0, 300, 0), id="twice the time of a success"),
        pytest.param(ServiceUsage(600, 600, 60), ServiceEffects(0, 0, 300), id="time twice as dear"),
        pytest.param(ServiceUsage(500, 900, 120), ServiceEffects(300, -150, 50), id="300, 600, 450, 500"),
        pytest.param(ServiceUsage(500, 900, 0), ServiceEffects(-300, 450, 50), id="only failures after"),
        pytest.param(ServiceUsage(), ServiceEffects(-300, 0, 0), id="a service that is gone is of the volume"),
    ],
)
def test_a_services_cost_is_successes_x_time_x_rate(after: ServiceUsage, effects: ServiceEffects) -> None:
    assert service_effects(SERVICE, after) == effects


def test_a_new_service_is_of_the_volume() -> None:
    assert service_effects(ServiceUsage(), SERVICE) == ServiceEffects(300, 0, 0)


def test_each_value_of_the_chain_is_rounded_once_half_up() -> None:
    """5 nano-units for two successes: 2.5 for one rounds to 3. What was rounded stands in the next effect."""
    before, after = NodeUsage(5, 2, 2, 2), NodeUsage(2, 1, 1, 1)
    assert node_effects(before, after) == NodeEffects(volume=-2, price=-1)


def test_usages_add_up_and_unknown_stays_unknown() -> None:
    twice = BEFORE + BEFORE
    assert twice == NodeUsage(400, 4000, 2000, 200)
    assert BEFORE + NodeUsage(1, 1, None, None) == NodeUsage(201, 2001, None, None)


amounts = st.integers(0, 10**18) | st.integers(0, 3)
usages = st.builds(NodeUsage, amounts, amounts, st.none() | amounts, st.none() | amounts)
service_usages = st.builds(ServiceUsage, amounts, amounts, amounts)


@given(before=usages, after=usages)
def test_effects_sum_to_the_change(before: NodeUsage, after: NodeUsage) -> None:
    assert node_effects(before, after).total == after.cost - before.cost


@given(before=service_usages, after=service_usages)
def test_effects_of_a_service_sum_to_the_change(before: ServiceUsage, after: ServiceUsage) -> None:
    assert service_effects(before, after).total == after.cost - before.cost


@given(usage=usages)
def test_against_itself_nothing_changed(usage: NodeUsage) -> None:
    assert node_effects(usage, usage) == NodeEffects()


@given(usage=usages, cost=amounts)
def test_where_only_the_cost_changed_it_is_the_price(usage: NodeUsage, cost: int) -> None:
    """Nodes that are there in both periods; without any, money has no price to be of."""
    after = NodeUsage(cost, usage.node_us, usage.executed_us, usage.successes)
    change = cost - usage.cost
    assert node_effects(usage, after) == (NodeEffects(price=change) if usage.node_us else NodeEffects(schedule=change))
