"""Starts hubs for browser tests: a process that has imported the product once, and forks for each hub.

What a fork runs is `watchhouse run`, with the arguments and the environment that a person would give it;
only the three seconds of imports are not spent again for each test. The command itself is started by
`tests/integration/test_server_process.py`.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]


class Forked:
    """A hub's process, which is not our own child: watched and signalled through a file descriptor."""

    def __init__(self, pid: int) -> None:
        self._process = os.pidfd_open(pid)

    def has_ended(self, seconds: float = 0.0) -> bool:
        """Whether it has ended, or does within so many seconds."""
        return bool(select.select([self._process], [], [], seconds)[0])

    def stop(self, seconds: float) -> None:
        """Asks it to stop and waits. Raises: TimeoutError if it has not by then, after killing it."""
        if not self.has_ended():
            signal.pidfd_send_signal(self._process, signal.SIGTERM)
        ended = self.has_ended(seconds)
        if not ended:
            signal.pidfd_send_signal(self._process, signal.SIGKILL)
        os.close(self._process)
        if not ended:
            raise TimeoutError(f"the hub did not stop in {seconds} s")


class Launcher:
    """The other end of the process that forks."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, arguments: list[str], environment: Mapping[str, str], log: Path) -> Forked:
        """A hub that has been started; its output goes to `log`."""
        orders, answers = self._process.stdin, self._process.stdout
        assert orders is not None
        assert answers is not None
        orders.write(json.dumps({"arguments": arguments, "environment": {**environment}, "log": str(log)}))
        orders.write("\n")
        orders.flush()
        return Forked(int(answers.readline()))


@contextmanager
def launcher() -> Iterator[Launcher]:
    """A launcher, until the end of the block."""
    path = os.pathsep.join((str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])))
    with subprocess.Popen(
        [sys.executable, __file__],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Launcher(process)


def obey() -> None:
    """Forks for each order, until there are no more."""
    import labelling.pages
    import serve.server
    import watchhouse

    assert labelling.pages.register
    assert serve.server.run_server
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever ends leaves nothing to be waited for
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            become(json.loads(line))
            watchhouse.main()
            return
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def become(order: dict[str, Any]) -> None:
    """Makes this process what a shell would have started."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, theirs in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(ours, theirs)
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["watchhouse", *order["arguments"]]


if __name__ == "__main__":
    obey()
