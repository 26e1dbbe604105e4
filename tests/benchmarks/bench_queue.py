"""How fast the queue is on PostgreSQL, claim and decision as the API does them: `make bench-queue`.

A PostgreSQL of its own that loses nothing (fsync and synchronous_commit on), some backlogs, and 8 worker
processes that claim and decide one case after the other, each in two transactions. For each backlog: pairs
a second, the median and the 99th percentile of a claim and of a decision, and the CPU time that a pair takes
in the workers and in the database. The first three belong to the machine and the minute; CPU time hardly
depends on who else is at work. Source of the target: PROMISES.md section 2, R7.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bare_hub import bare_hub
from sqlalchemy import text

from serve.cases.claiming import Claimant, claim
from serve.cases.judging import judge
from serve.cases.said import Said
from serve.cases.workflow.states import CaseRole
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.migrating import migrate

BACKLOGS = (1_000, 100_000, 1_000_000)
WORKERS = 8
SECONDS = 20.0
WARM_UP_PAIRS = 30
"""Of each worker, before it counts: statements are compiled and prepared by then."""

LEASE_SECONDS = 600.0
STAGES = ("captured", "second_review")
SAID = Said(
    outcome="no_action", outcome_detail="not_hate", severity=0, reason="Nothing in it is about anybody."
)
DURABLE = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "max_connections": "100",
    "listen_addresses": "",
}
TICKS = os.sysconf("SC_CLK_TCK")

BACKLOG_SQL = Path(__file__).with_name("queue_backlog.sql")


class Counted(NamedTuple):
    """What one worker did while it counted: seconds of each claim and decision, and its CPU time."""

    claims: list[float]
    decisions: list[float]
    cpu_seconds: float
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backlogs", type=int, nargs="+", default=BACKLOGS)
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--json", action="store_true", help="one JSON line for each backlog")
    options = parser.parse_args()
    say(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; {options.workers} workers")
    if not options.json:
        say(HEAD)
    for backlog in options.backlogs:
        with cluster() as (url, postmaster):
            database = Database(url)
            migrate(database)
            fill(database, backlog)
            database.close()
            figures = measure(url, postmaster, backlog, options.workers, options.seconds)
            say(json.dumps(figures) if options.json else LINE.format(**figures))


HEAD = "  backlog  pairs/s  claim p50   p99 ms  decide p50   p99 ms  CPU ms a pair: workers  PostgreSQL   sum"
LINE = (
    "{backlog:>9,}  {pairs_a_second:>7.0f}  {claim_p50_ms:>9.1f}  {claim_p99_ms:>7.1f}"
    "  {decide_p50_ms:>10.1f}  {decide_p99_ms:>7.1f}"
    "  {workers_cpu_ms:>23.2f}  {postgresql_cpu_ms:>10.2f}  {cpu_ms:>4.2f}"
)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextlib.contextmanager
def cluster() -> Iterator[tuple[str, int]]:
    """A PostgreSQL in a temporary folder, not run by root: its URL and the pid of its postmaster."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        sys.exit("bench_queue: PostgreSQL is not installed")
    account = next(
        (one for one in ("postgres", "nobody") if one in {known.pw_name for known in pwd.getpwall()}), None
    )
    user = account if os.geteuid() == 0 else None

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(programs[-1].with_name(program)), *arguments], user=user, cwd="/", check=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    folder = Path(tempfile.mkdtemp(prefix="wh-bench-"))
    folder.chmod(0o711)
    data, socket = folder / "data", folder / "socket"
    for made in (data, socket):
        made.mkdir(mode=0o700)
        if user:
            shutil.chown(made, user)
    run("initdb", "-D", str(data), "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C")
    settings = {**DURABLE, "unix_socket_directories": str(socket)}
    flags = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
    run("pg_ctl", "-D", str(data), "-w", "-l", str(data / "server.log"), "-o", flags, "start")
    socket.chmod(0o711)
    try:
        postmaster = int((data / "postmaster.pid").read_text().split()[0])
        yield f"postgresql+psycopg://bench@/postgres?host={socket}", postmaster
    finally:
        run("pg_ctl", "-D", str(data), "-m", "fast", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def fill(database: Database, cases: int) -> None:
    """So many waiting cases, each with its post, scores and first steps; statistics are fresh."""
    with database.write() as session:
        for statement in BACKLOG_SQL.read_text(encoding="utf-8").split(";"):
            if statement.strip():
                session.execute(text(statement.replace("::", "\\:\\:")), {"cases": cases})
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))


def measure(url: str, postmaster: int, backlog: int, workers: int, seconds: float) -> dict[str, float]:
    """The figures of one backlog."""
    context = multiprocessing.get_context("spawn")
    # A small backlog is not to run dry: it is worked for less time, in which a worker takes its share.
    share = max(1, (backlog - workers * WARM_UP_PAIRS) // workers)
    gate = context.Barrier(workers + 1)
    told: Any = context.SimpleQueue()
    processes = [
        context.Process(target=work, args=(url, number, seconds, share, gate, told))
        for number in range(workers)
    ]
    for process in processes:
        process.start()
    gate.wait()  # all are warm
    before = cpu_of(postmaster)
    gate.wait()
    counted = [told.get() for _ in processes]
    used = cpu_of(postmaster) - before
    gate.wait()  # their connections were counted: now they may go
    for process in processes:
        process.join()
    claims = sorted(one for each in counted for one in each.claims)
    decisions = sorted(one for each in counted for one in each.decisions)
    workers_cpu = sum(each.cpu_seconds for each in counted) / len(claims) * 1e3
    postgresql_cpu = used / len(claims) * 1e3
    return {
        "backlog": backlog,
        "pairs": len(claims),
        "pairs_a_second": sum(len(each.claims) / each.seconds for each in counted),
        "claim_p50_ms": percentile(claims, 0.5) * 1e3,
        "claim_p99_ms": percentile(claims, 0.99) * 1e3,
        "decide_p50_ms": percentile(decisions, 0.5) * 1e3,
        "decide_p99_ms": percentile(decisions, 0.99) * 1e3,
        "workers_cpu_ms": workers_cpu,
        "postgresql_cpu_ms": postgresql_cpu,
        "cpu_ms": workers_cpu + postgresql_cpu,
    }


def work(url: str, number: int, seconds: float, share: int, gate: Any, told: Any) -> None:
    """One worker: warm up, then pairs until the time is over or its share of the backlog is done."""
    hub = bare_hub(url, Path(tempfile.gettempdir()))
    claimant = Claimant(f"key:{number}", stages=STAGES)
    for _ in range(WARM_UP_PAIRS):
        pair(hub, claimant)
    gate.wait()
    gate.wait()
    claims: list[float] = []
    decisions: list[float] = []
    started, cpu = time.perf_counter(), time.process_time()
    while len(claims) < share and time.perf_counter() - started < seconds:
        claimed, decided = pair(hub, claimant)
        claims.append(claimed)
        decisions.append(decided)
    told.put(Counted(claims, decisions, time.process_time() - cpu, time.perf_counter() - started))
    gate.wait()
    hub.database.close()


def pair(hub: Any, claimant: Claimant) -> tuple[float, float]:
    """One claim and one decision; the seconds that each took, commit included."""
    begun = time.perf_counter()
    with hub.database.write() as session:
        claimed = claim(session, claimant, now=utc_now(), lease_seconds=LEASE_SECONDS)
    if claimed is None:
        raise LookupError("the backlog is empty")
    between = time.perf_counter()
    with hub.database.write() as session:
        judge(
            session, hub, case_id=claimed.case_id, lease_number=claimed.lease_number, actor=claimant.actor,
            role=CaseRole.REVIEW_OFFICER, now=utc_now(), said=SAID,
        )  # fmt: skip
    return between - begun, time.perf_counter() - between


def cpu_of(postmaster: int) -> float:
    """CPU seconds of a PostgreSQL: its processes that live, and those that have ended."""
    total = 0.0
    for process in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = process.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended in between
        if int(process.parent.name) == postmaster:
            total += sum(int(field) for field in fields[11:15])
        elif int(fields[1]) == postmaster:
            total += sum(int(field) for field in fields[11:13])
    return total / TICKS


def percentile(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))]


if __name__ == "__main__":
    main()
