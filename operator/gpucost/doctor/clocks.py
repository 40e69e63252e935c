"""Clocks that should agree: ours, the API server's, the database's. Instants are UTC microseconds, spans half-open."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from gpucost.core.money import SECOND_US
from gpucost.doctor.findings import Finding, ok, problem, warning

WARNING_US: Final = 2 * SECOND_US
PROBLEM_US: Final = 30 * SECOND_US
_REMEDY: Final = (
    "have both machines keep their time by NTP (chrony, systemd-timesyncd): open attempts and the present depend on it"
)


@dataclass(frozen=True, slots=True)
class Told:
    """What a clock elsewhere told, between our question and the moment at which we had the answer."""

    told_us: int
    unit_us: int
    """How exact it is: an HTTP date has whole seconds."""
    asked_us: int
    answered_us: int

    def skew_us(self) -> int:
        """How far the other clock is ahead of ours at least; negative where it is behind; 0 where they may agree."""
        ahead, behind = self.told_us - self.answered_us, self.asked_us - (self.told_us + self.unit_us)
        return ahead if ahead > 0 else -behind if behind > 0 else 0


def now_us() -> int:
    """Our clock."""
    return time.time_ns() // 1000


def judge_clock(whose: str, told: Told) -> Finding:
    """Whether a clock agrees with ours."""
    check, skew = f"clock of {whose}", told.skew_us()
    if abs(skew) <= WARNING_US:
        return ok(check, "it agrees with the clock here")
    what = f"it is {abs(skew) / SECOND_US:.1f} s {'ahead of' if skew > 0 else 'behind'} the clock here"
    return (problem if abs(skew) > PROBLEM_US else warning)(check, what, _REMEDY)
