"""Node types by the GPU models that stand in names of pools, of nodes, and of types that tasks state."""

from __future__ import annotations

import glob
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from gpucost.core.globs import Globs

GPU_MODELS: Final = re.compile(
    r"(?<![a-z0-9])(a100|h100|h200|b200|gb200|gh200|l4|l40s?|a10g?|a30|a40|t4g?|v100|p100|p4|k80|mi300x?|mi250x?|rtx[0-9]+)"
    r"(?![a-z0-9])",
    re.IGNORECASE,
)
"""Model names as they stand in pools' and nodes' names."""
_MAKERS: Final = frozenset(("nvidia", "tesla", "geforce", "amd", "instinct", "gpu"))

NodeType = tuple[str, tuple[str, ...]]
"""A type's name and its globs."""


def find_models(text: str) -> list[str]:
    """GPU models that stand in a name, in lower case."""
    return [model.lower() for model in GPU_MODELS.findall(text)]


def name_types(stated: Sequence[str], pools: Sequence[str], nodes: Sequence[str]) -> list[NodeType]:
    """Types that tasks state, as they are written; then those by the models in names; a pool without one is its own type."""
    types = _stated_types(stated)
    covered = {model for name, _ in types for model in find_models(name)}
    models = sorted({model for name in (*pools, *nodes) for model in find_models(name)} - covered)
    types += [(model, _whole_word(model)) for model in models]
    known = Globs.of(glob for _, globs in types for glob in globs)
    return types + [(pool, (f"{pool}*", f"*-{pool}-*")) for pool in pools if not known.match(pool)]


def _stated_types(stated: Iterable[str]) -> list[NodeType]:
    """Of several types of one model those with more words come first, for the first glob that matches stands."""
    names = [name for name in stated if name != "unknown" and len(name) <= 253]
    uses = Counter(model for name in names for model in set(find_models(name)))
    types = [(name, _globs_of(name, uses)) for name in names]
    return sorted(types, key=lambda entry: (-len(_words(entry[0])), entry[0].encode()))


def _globs_of(name: str, uses: Counter[str]) -> tuple[str, ...]:
    models = find_models(name)
    words = _words(name)
    if models and (uses[models[0]] == 1 or words == [models[0]]):
        return _whole_word(models[0])
    return (glob.escape(name),) if not models else (f"*{'*'.join(words)}*",)


def _words(name: str) -> list[str]:
    return [word for word in re.findall("[a-z0-9]+", name.lower()) if word not in _MAKERS]


def _whole_word(model: str) -> tuple[str, ...]:
    """Globs of a model as a word of its own: ``l4``, but not the ``l4`` in ``pool4``."""
    return (model, f"{model}[-_.]*", f"*[-_.]{model}", f"*[-_.]{model}[-_.]*")
