"""The program. Ctrl-C is listened to first: the commands, which take a while to import, come after."""

from __future__ import annotations

import sys

from gpucost.cli.interruption import INTERRUPTED, CtrlC


def main() -> None:
    """Run the command. Errors are one sentence on stderr; a traceback only with --debug."""
    ctrl_c = CtrlC()
    ctrl_c.listen()
    try:
        code = _run(sys.argv[1:], ctrl_c)
    except BaseException:
        if not ctrl_c.pressed:
            raise
        code = INTERRUPTED
    ctrl_c.ignore()
    sys.exit(INTERRUPTED if ctrl_c.pressed else code)


def _run(arguments: list[str], ctrl_c: CtrlC) -> int:
    """The exit code."""
    from gpucost.cli.commands import explain_error, run

    try:
        return run([word for word in arguments if word != "--debug"])
    except Exception as error:
        if ctrl_c.pressed or "--debug" in arguments:
            raise
        return explain_error(error)
