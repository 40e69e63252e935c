"""What a sighting adds to a history: pure rules, and laws under random lives of a CronJob (section 2)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledgers import CREATED, MINUTE, at, edit, seen_as, spans, stated

from examples import shown
from gpucost.core.money import HOUR_US, SECOND_US
from gpucost.core.schedule import pool_timeline
from gpucost.core.versions import held_schedules
from gpucost.core.zones import UTC
from gpucost.ledger.history import Known, Moment, Remembered, gone, seen
from gpucost.ledger.sightings import Sighting


def watched(clock: str) -> Moment:
    """A live watch, confirmed half a minute ago."""
    return Moment(at(clock), at(clock) - MINUTE // 2)


def away(clock: str, since: str = "10:00") -> Moment:
    return Moment(at(clock), at(since))


FIRST = seen(None, seen_as(stated()), Moment(at("09:00")))


class TestFirstSight:
    """Time before it is assumed."""

    def first(self, moment: Moment, generation: int = 1, *edits: int) -> int | None:
        sighting = seen_as(stated(created_us=at("10:30")), generation, *(edit(at_us, "schedule") for at_us in edits))
        (version,) = seen(None, sighting, moment).history.known
        assert (version.edited_us, version.ended_us, version.edit_doubt_us) == (None, None, None)
        return version.seen_us

    def test_without_a_watch_it_counts_from_now(self) -> None:
        assert self.first(Moment(at("11:00"))) == at("11:00")

    def test_created_under_a_watch_nothing_is_assumed(self) -> None:
        """It fires strictly after its creation."""
        assert self.first(Moment(at("10:31"), at("10:29", 50)), 3) == at("10:30") + 1
        assert self.first(Moment(at("10:31"), at("10:30", 0.9)), 3) == at("10:30") + 1
        assert self.first(Moment(at("10:31"), at("10:30", 1)), 3) == at("10:31")

    def test_created_while_away_and_never_edited(self) -> None:
        assert self.first(away("11:00")) == at("10:30") + 1
        assert self.first(away("11:00"), 1, at("10:30", 1)) == at("10:30") + 1
        assert self.first(away("11:00"), 1, at("10:30", 2)) == at("11:00")
        assert self.first(away("11:00"), 2) == at("11:00")

    def test_one_that_stated_no_pool_before(self) -> None:
        before = seen(None, seen_as(None), watched("10:00"))
        assert before.history.known == ()
        (version,) = seen(before, seen_as(stated()), watched("10:01")).history.known
        assert (version.edited_us, version.seen_us) == (None, at("10:01"))


class TestEdits:
    def test_a_watched_one_ends_one_version_and_begins_another(self) -> None:
        after = seen(FIRST, seen_as(stated(nodes=4), 1), watched("10:00"))
        assert spans(after.history.known) == [(2, None, at("10:00")), (4, at("10:00"), None)]
        assert [(v.edit_doubt_us, v.end_doubt_us) for v in after.history.known] == [(None, None)] * 2

    def test_while_away_it_is_proven_or_in_doubt(self) -> None:
        proven = seen(FIRST, seen_as(stated(nodes=4), 1, edit(at("10:20"), "nodes")), away("11:00"))
        assert spans(proven.history.known) == [(2, None, at("10:20")), (4, at("10:20"), None)]
        doubt = seen(FIRST, seen_as(stated(nodes=4), 1), away("11:00"))
        assert spans(doubt.history.known) == [(2, None, at("11:00")), (4, at("11:00"), None)]
        assert [(v.edit_doubt_us, v.end_doubt_us) for v in doubt.history.known] == [(None, None), (at("10:00"), None)]

    def test_what_makes_a_version(self) -> None:
        for change in ({"pool": "l4"}, {"schedule": "@daily"}, {"time_zone": "UTC"}, {"suspended": True}):
            assert len(seen(FIRST, seen_as(stated(**change)), watched("10:00")).history.known) == 2
        assert len(seen(FIRST, seen_as(stated(starting_deadline_seconds=0)), watched("10:00")).history.known) == 2

    def test_labels_and_valid_from_make_none(self) -> None:
        after = seen(FIRST, seen_as(stated(valid_from_us=7), 1, app="x"), watched("10:00"))
        (version,) = after.history.known
        assert version.version.valid_from_us == 7
        assert after.history.labels == {"app": "x"}

    def test_valid_from_fills_the_time_before_the_first_version(self) -> None:
        edited = seen(FIRST, seen_as(stated(nodes=4, valid_from_us=7)), watched("10:00"))
        assert [v.version.valid_from_us for v in edited.history.known] == [7, None]
        unset = seen(edited, seen_as(stated(nodes=4)), watched("10:01"))
        assert [v.version.valid_from_us for v in unset.history.known] == [None, None]

    def test_the_certain_moment_is_the_last_record_if_no_watch_is_confirmed(self) -> None:
        after = seen(FIRST, seen_as(stated(nodes=4)), Moment(at("11:00")))
        assert after.history.known[1].edit_doubt_us == at("09:00")

    def test_another_edit_of_the_spec_counts_in_its_generation(self) -> None:
        image = seen(FIRST, seen_as(stated(), 2), watched("10:00"))
        assert image.history == FIRST.history
        after = seen(image, seen_as(stated(schedule="@daily"), 3, edit(at("10:20"), "schedule")), away("11:00"))
        assert after.history.known[1].edited_us == at("10:20")

    def test_several_within_a_microsecond(self) -> None:
        after = FIRST
        for nodes in (4, 6, 8):
            after = seen(after, seen_as(stated(nodes=nodes)), Moment(at("09:00")))
        nine = at("09:00")
        assert spans(after.history.known) == [
            (2, None, nine + 1),
            (4, nine + 1, nine + 2),
            (6, nine + 2, nine + 3),
            (8, nine + 3, None),
        ]

    def test_the_same_again_is_the_same_object(self) -> None:
        assert seen(FIRST, seen_as(stated()), away("23:00")) is FIRST


class TestUnreadable:
    def test_it_ends_the_version_like_an_edit(self) -> None:
        proven = seen(FIRST, seen_as(None, 1, edit(at("10:20"), "nodes")), away("11:00"))
        assert spans(proven.history.known) == [(2, None, at("10:20"))]
        doubt = seen(FIRST, seen_as(None), away("11:00"))
        assert [(v.ended_us, v.end_doubt_us) for v in doubt.history.known] == [(at("11:00"), at("10:00"))]
        assert doubt.history.present

    def test_readable_again(self) -> None:
        ended = seen(FIRST, seen_as(None), watched("10:00"))
        again = seen(ended, seen_as(stated()), away("11:00", "10:30"))
        assert spans(again.history.known) == [(2, None, at("10:00")), (2, at("11:00"), None)]
        assert again.history.known[1].edit_doubt_us == at("10:30")


class TestDeletion:
    def test_watched_or_missed(self) -> None:
        for is_watched, doubt in ((True, None), (False, at("10:00"))):
            after = gone(FIRST, away("11:00"), watched=is_watched)
            assert after is not None
            assert not after.history.present
            assert [(v.ended_us, v.end_doubt_us) for v in after.history.known] == [(at("11:00"), doubt)]

    def test_nothing_is_remembered_of_one_that_never_stated_a_pool(self) -> None:
        assert gone(seen(None, seen_as(None), watched("10:00")), watched("10:01"), watched=True) is None

    def test_created_again_while_away(self) -> None:
        """One sighting: another uid. The old one was gone by the creation, at the latest."""
        again = stated(uid="uid-2", created_us=at("10:30"), nodes=4)
        after = seen(FIRST, seen_as(again), away("11:00"))
        assert spans(after.history.known) == [(2, None, at("10:30") + 1), (4, at("10:30") + 1, None)]
        assert [(v.edit_doubt_us, v.end_doubt_us) for v in after.history.known] == [(None, at("10:00")), (None, None)]
        assert after.history.uid == "uid-2"

    def test_created_again_at_once(self) -> None:
        again = stated(uid="uid-2", created_us=at("10:01"))
        after = seen(FIRST, seen_as(again), away("11:00"))
        assert [(v.edited_us, v.end_doubt_us) for v in after.history.known] == [(None, None), (at("10:01") + 1, None)]

    def test_created_again_after_the_deletion_was_seen(self) -> None:
        deleted = gone(FIRST, watched("10:00"), watched=True)
        again = stated(uid="uid-2", created_us=at("10:30"))
        assert spans(seen(deleted, seen_as(again), away("11:00")).history.known) == [
            (2, None, at("10:00")),
            (2, at("10:30") + 1, None),
        ]
        same_second = stated(uid="uid-2", created_us=at("09:59", 59))
        assert seen(deleted, seen_as(same_second), away("11:00")).history.known[1].edited_us == at("10:00")

    @pytest.mark.parametrize("created", [None, at("08:00")])
    def test_a_creation_that_dates_nothing(self, created: int | None) -> None:
        after = seen(FIRST, seen_as(stated(uid="uid-2", created_us=created)), away("11:00"))
        assert after.history.known[1].edited_us == at("11:00")

    def test_created_again_without_a_pool(self) -> None:
        after = seen(FIRST, seen_as(None, uid="uid-2"), watched("10:00"))
        assert spans(after.history.known) == [(2, None, at("10:00"))]
        assert after.history.uid == "uid-2"

    def test_created_again_it_may_add_to_the_past_and_takes_nothing_from_it(self) -> None:
        before = seen(FIRST, seen_as(stated(valid_from_us=7)), watched("09:30"))
        after = seen(before, seen_as(stated(uid="uid-2", created_us=at("10:30"))), away("11:00"))
        assert after.history.known[0].version.valid_from_us == 7
        for valid_from_us, kept in ((8, 7), (6, 6)):
            anew = seen_as(stated(uid="uid-2", created_us=at("10:30"), valid_from_us=valid_from_us))
            assert seen(before, anew, away("11:00")).history.known[0].version.valid_from_us == kept


# Laws


VERSIONS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "nodes": st.integers(0, 3),
        "schedule": st.sampled_from(["0 * * * *", "30 8 * * *", "*/7 * * * *", "@every 5m"]),
        "suspended": st.booleans(),
    }
)
PAUSES = st.sampled_from([0, 1, SECOND_US // 2, 30 * SECOND_US, 3 * MINUTE, HOUR_US, 30 * HOUR_US])


@st.composite
def lives(draw: st.DrawFn) -> list[tuple[Sighting | None, Moment]]:
    """The sightings of one CronJob, with the moments at which they were made; None where it was found to be gone."""
    now, confirmed, steps = CREATED, None, []
    identity: dict[str, Any] = {"uid": "uid-0", "created_us": CREATED}
    generation = 1
    for number in range(draw(st.integers(1, 8))):
        now += draw(PAUSES)
        second = now - now % SECOND_US
        if not draw(st.integers(0, 5)):
            identity, generation = {"uid": f"uid-{number}", "created_us": second}, 1
        generation += draw(st.integers(0, 2))
        entry = edit(second, *draw(st.sets(st.sampled_from(["nodes", "schedule", "suspend"]))))
        readable = draw(st.sampled_from([True, True, True, False]))
        version = stated(**draw(VERSIONS), **identity) if readable else None
        sighting = seen_as(version, generation, entry, uid=identity["uid"]) if draw(st.integers(0, 5)) else None
        steps.append((sighting, Moment(now, confirmed)))
        confirmed = now if draw(st.booleans()) else confirmed
    return steps


def lived(life: list[tuple[Sighting | None, Moment]]) -> list[Remembered | None]:
    """What is remembered after each step."""
    found: list[Remembered | None] = [None]
    for sighting, moment in life:
        before = found[-1]
        if sighting is not None:
            found.append(seen(before, sighting, moment))
        elif before is not None and before.history.present:
            found.append(gone(before, moment, watched=False))
        else:
            found.append(before)
    return found[1:]


def versions_of(remembered: Remembered | None) -> Known:
    return remembered.history.known if remembered else ()


@given(lives())
def test_times_ascend(life: list[tuple[Sighting | None, Moment]]) -> None:
    last = versions_of(lived(life)[-1])
    times: list[int] = []
    for number, version in enumerate(last):
        start = version.seen_us if version.edited_us is None else version.edited_us
        assert start is not None
        assert (version.edited_us is None) == (number == 0)
        assert not times or start >= times[-1]
        assert version.ended_us is None or version.ended_us > start
        assert version.ended_us is not None or number == len(last) - 1
        times += [start, *([] if version.ended_us is None else [version.ended_us])]
        for doubt, counts in ((version.edit_doubt_us, version.edited_us), (version.end_doubt_us, version.ended_us)):
            assert doubt is None or (counts is not None and doubt < counts)


@given(lives())
def test_a_sighting_that_is_repeated_says_nothing_new(life: list[tuple[Sighting | None, Moment]]) -> None:
    for (sighting, moment), after in zip(life, lived(life), strict=True):
        if sighting is not None:
            later = Moment(moment.now_us + HOUR_US, moment.now_us)
            assert seen(after, sighting, moment) is after
            assert seen(after, sighting, later) is after


def counts(known: Known, until_us: int) -> list[tuple[str, int]]:
    """When the pool's count changed before an instant, and to what."""
    schedules = held_schedules([known], UTC, None).held
    steps = pool_timeline("gpu", schedules, CREATED - HOUR_US, until_us, initial=9).counts
    cut = np.diff(steps.values, prepend=-1) != 0
    return [(shown(t), int(n)) for t, n in zip(steps.starts[cut], steps.values[cut], strict=True)]


@given(lives())
def test_an_edit_never_changes_the_past(life: list[tuple[Sighting | None, Moment]]) -> None:
    """Up to the moment at which the old state was certain, nothing that happens later changes a node count."""
    before: Remembered | None = None
    for (sighting, moment), after in zip(life, lived(life), strict=True):
        if before and after and versions_of(before):
            certain = max(before.noticed_us, moment.confirmed_us or 0)
            if sighting and sighting.version and sighting.uid != before.history.uid:
                certain = min(certain, sighting.version.created_us or 0)  # creations have whole seconds, cut
            if certain > CREATED:
                assert counts(versions_of(before), certain) == counts(versions_of(after), certain)
        before = after


@given(lives())
def test_earlier_versions_stay_as_they_were(life: list[tuple[Sighting | None, Moment]]) -> None:
    before: Known = ()
    for after in map(versions_of, lived(life)):
        assert after[: len(before)][:-1] == before[:-1]
        before = after
