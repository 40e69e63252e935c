"""What a single command says about node pools, by the tools' tables and by signs of node scaling.

Shells are no part of this: ``shell`` follows scripts, and asks here about each command that they run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from gpucost.core.issues import SCALER_NOT_READ, show
from gpucost.sources.cronjobs.options import UNKNOWN, parse_line
from gpucost.sources.cronjobs.readings import Reading, UnreadCommand
from gpucost.sources.cronjobs.scalers import FORMS, FORMS_BY_PROGRAM
from gpucost.sources.cronjobs.scalers.base import Form, read_call
from gpucost.sources.cronjobs.scalers.signals import (
    REQUESTERS,
    find_manifest,
    find_node_call,
    find_pod_request,
    find_request,
    find_scaler_image,
    looks_like_scaler,
)

SPEAKERS: Final = frozenset({"echo", "printf", "logger", "cat", "tee", "grep", "egrep", "fgrep", "jq", "sleep"})
"""Programs whose words are text: no command in them runs."""
INTERPRETERS: Final = re.compile(
    r"(?:python|pypy|node|deno|bun|perl|ruby|php|go|pwsh|powershell|java|Rscript|lua|tsx|ts-node|uv|poetry)[\d.]*"
)
_RUNNERS: Final = frozenset({"make", "npm", "yarn", "pnpm", "task", "just", "rake", "invoke"})
"""Programs whose arguments name what they run."""
_IMAGE_PROGRAMS: Final[Mapping[str, str]] = {"aws-cli": "aws", "cloud-sdk": "gcloud", "azure-cli": "az"}
_PROGRAM: Final = re.compile(rf"(?<![\w-])(?:{'|'.join(re.escape(program) for program in FORMS_BY_PROGRAM)})(?![\w-])")
_BY_SUBCOMMAND: Final = tuple(
    (frozenset(form.command.split()[1].split("|")), form) for form in FORMS if " " in form.command
)
"""Forms with the alternatives of their first subcommand, without which no call is of that form."""
_POOL_OPTION: Final = re.compile(
    r"--(?:node-?_?(?:pool|group)|machine-?_?(?:set|pool|deployment)|asg|auto-?scaling-?group)(?:-?_?(?:name|id))?",
    re.I,
)
_COUNT_OPTION: Final = re.compile(
    r"--(?:nodes|replicas|count|size|desired(?:-?_?(?:size|capacity|count))?|(?:node|num|nodes)-?_?(?:nodes|count|size))",
    re.I,
)
LONGEST_MENTION: Final = 100_000
"""Characters of a text that are searched for commands."""


def read_program(words: Sequence[str], env: Mapping[str, str], context: str, image: str = "") -> Reading:
    """What a program that is no shell does. ``env`` is what it sees, ``context`` all text around. Never raises."""
    program = get_basename(words[0])
    if program in FORMS_BY_PROGRAM:
        return _read_tool(program, words[1:], env, context)
    if program in SPEAKERS:
        return Reading()
    if program == "alias":
        return Reading(unread=_find_alias(words[1:], context))
    if program in REQUESTERS:
        return _read_request(words, context)
    hidden = _read_hidden(*_find_arguments(words, image), env, context)
    if hidden != Reading():
        return hidden
    text = " ".join(words)
    found = (
        find_mention(text, context) or _find_name(words) or _find_options(words) or _find_edit(words) or find_sign(text)
    )
    return Reading(unread=found)


def get_basename(word: str) -> str:
    """A program's name without its folder."""
    return word.rpartition("/")[2]


def _read_tool(program: str, words: Sequence[str], env: Mapping[str, str], context: str) -> Reading:
    for form in FORMS_BY_PROGRAM[program]:
        call = form.match(program, words, env, context)
        if call:
            return read_call(form, call)
    hidden = _read_hidden(*_find_pod_arguments(words), env, context)
    if hidden != Reading():
        return hidden
    return Reading(unread=find_mention(" ".join(words), context))  # kubectl exec, gcloud compute ssh


def _read_request(words: Sequence[str], context: str) -> Reading:
    pods = find_pod_request(words)
    if pods:
        return Reading(passed_over=(f"{get_basename(words[0])} {pods}",))
    request = find_request(words)
    if request:
        return Reading(unread=UnreadCommand(f"'{get_basename(words[0])}' {request}", SCALER_NOT_READ))
    script = next((word for word in words[1:] if re.search(r"\.(?:sh|py)\b", word) and looks_like_scaler(word)), None)
    if script:
        return Reading(unread=UnreadCommand(f"it loads {show(script)}, which looks like node scaling", SCALER_NOT_READ))
    return Reading(unread=find_mention(" ".join(words), context))


def _find_arguments(words: Sequence[str], image: str) -> tuple[Sequence[str], str]:
    """What may be the arguments of a program that isn't named, and the image whose entry point it is.

    ``docker run amazon/aws-cli eks ...`` runs one image in another.
    """
    if get_basename(words[0]) in ("docker", "podman", "nerdctl"):
        for at, word in enumerate(words[1:], 1):
            if _name_of(word) in _IMAGE_PROGRAMS or _name_of(word) in FORMS_BY_PROGRAM:
                return words[at + 1 :], word
    return words[1:] if UNKNOWN in words[0] else words, image


def _find_pod_arguments(words: Sequence[str]) -> tuple[Sequence[str], str]:
    """What ``kubectl run x --image amazon/aws-cli -- eks ...`` passes to the image's own entry point, and the image."""
    image = next((value for value in parse_line(words, frozenset()).texts("--image")), "")
    return (words[words.index("--") + 1 :], image) if image and "--" in words else ((), "")


def _name_of(image: str) -> str:
    return re.sub(r"@.*|:[^/]*$", "", image).rpartition("/")[2]


def _read_hidden(arguments: Sequence[str], image: str, env: Mapping[str, str], context: str) -> Reading:
    """A tool's arguments behind a program that isn't named: an image's own entry point, or a variable."""
    given = frozenset(arguments)
    for form in (form for subcommands, form in _BY_SUBCOMMAND if not subcommands.isdisjoint(given)):
        is_of_image = _is_entry_point(form, image)
        call = form.match(form.programs[0], arguments, env, context)
        if not call or not (is_of_image or call.line.has(*form.marks) or len(form.command.split()) > 2):
            continue
        reading = read_call(form, call)
        if reading.commands or reading.unread:
            what = f"it looks like '{call.title}', but the program is not named in the manifest"
            return Reading(unread=UnreadCommand(what, form.kind))
        if reading.passed_over:
            return reading
    return Reading()


def _is_entry_point(form: Form, image: str) -> bool:
    name = _name_of(image)
    return _IMAGE_PROGRAMS.get(name, name) in form.programs


def find_mention(text: str, context: str) -> UnreadCommand | None:
    """A command that scales nodes somewhere in the words of another program, or in a text that can't be followed."""
    searched = text.replace(UNKNOWN, "")[:LONGEST_MENTION]
    for program in dict.fromkeys(_PROGRAM.findall(searched)):
        for form in FORMS_BY_PROGRAM[program]:
            if len(form.command.split()) > 1 and form.is_mentioned(searched, context):
                return UnreadCommand(f"'{form.title}' is called in a way that can't be followed", form.kind)
    return None


def find_sign(text: str) -> UnreadCommand | None:
    """A call of a cloud's library, or a manifest of nodes, in a program's text."""
    found = find_node_call(text) or find_manifest(text)
    return UnreadCommand(f"it {found}", SCALER_NOT_READ) if found else None


def _find_name(words: Sequence[str]) -> UnreadCommand | None:
    """A program, a script or a command of it that is named after what it does: ``python /app/scale_nodes.py``."""
    is_runner = get_basename(words[0]) in _RUNNERS
    for number, word in enumerate(words[:20]):
        is_module = words[number - 1] == "-m"  # python -m scaler
        is_program = number == 0 or is_runner or is_module or "/" in word or re.search(r"\.\w{2,3}$", word) is not None
        if word.startswith("-") or not re.fullmatch(r"[^\s(){};,=]{1,200}", word):
            continue
        folders = word.split("/")[:-1]
        if looks_like_scaler(word, is_program=is_program) or any(
            looks_like_scaler(folder, is_program=False) for folder in folders
        ):
            return name_script(word)
    return None


def _find_alias(definitions: Sequence[str], context: str) -> UnreadCommand | None:
    """A tool under another name: which shells take an alias in a script differs, so what it calls is never read."""
    replaced = context[:LONGEST_MENTION]
    for name, _, value in (definition.partition("=") for definition in definitions):
        if re.fullmatch(r"[\w-]+", name) and value:
            replaced = re.sub(rf"(?<![\w./-]){re.escape(name)}(?= )", lambda _, value=value: value, replaced)  # type: ignore[misc]
    return find_mention(replaced, context)


def _find_options(words: Sequence[str]) -> UnreadCommand | None:
    """A program of a site's own that is told a pool and a count: ``python main.py --node-pool gpu --nodes 3``."""
    options = [word.partition("=")[0] for word in words[1:] if word.startswith("--")]
    pool = next((option for option in options if _POOL_OPTION.fullmatch(option)), None)
    count = next((option for option in options if _COUNT_OPTION.fullmatch(option)), None)
    if pool is None or count is None:
        return None
    what = f"it gives {show(get_basename(words[0]))} {show(pool)} and {show(count)}, which looks like node scaling"
    return UnreadCommand(what, SCALER_NOT_READ)


def _find_edit(words: Sequence[str]) -> UnreadCommand | None:
    """A count that is edited in a file which something else applies: ``sed -i s/node_count.../ main.tf``."""
    count = re.search(
        r"(?<![a-z])(?:node_?count|desired_?(?:size|capacity)|gpu_?nodes)(?![a-z])", " ".join(words), re.I
    )
    if count and get_basename(words[0]) in ("sed", "yq") and any(word.startswith("-i") for word in words):
        return UnreadCommand(f"it edits {show(count[0])} in a file", SCALER_NOT_READ)
    return None


def name_script(path: str) -> UnreadCommand:
    """The issue of a script or program that is not at hand, and named after node scaling."""
    return UnreadCommand(f"it runs {show(path.replace(UNKNOWN, ''))}, which looks like node scaling", SCALER_NOT_READ)


def read_text(texts: Iterable[str], context: str) -> Reading:
    """What texts that no shell follows say: a program's source, a document that is written to a file."""
    for text in texts:
        found = find_mention(text, context) or find_sign(text)
        if found:
            return Reading(unread=found)
    return Reading()


def read_image(image: str) -> Reading:
    """What a container's image says of itself, where its command says nothing."""
    found = find_scaler_image(image)
    return Reading(unread=UnreadCommand(f"it {found}", SCALER_NOT_READ) if found else None)
