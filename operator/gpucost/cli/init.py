"""gpucost init: a CostReport made from what is found, with the prices left to fill in."""

from __future__ import annotations

from collections.abc import Sequence

from gpucost.api.costreport import SpecError
from gpucost.drafting.looking import look_at_tasks
from gpucost.drafting.manifest import sum_up_scaling, write_draft
from gpucost.sources.cronjobs.manifests import read_cronjobs
from gpucost.sources.manifestfiles import load_all


def draft(cronjobs: Sequence[str] | None, db: str | None) -> str:
    """A CostReport manifest as YAML, with comments where a person has to decide. Raises as the sources do."""
    if not cronjobs and db is None:
        raise SpecError("init needs something to look at: --cronjobs FILE, --db URL, or both")
    scaling = sum_up_scaling(read_cronjobs(load_all(cronjobs or ())))
    return write_draft(scaling, None if db is None else look_at_tasks(db))
