"""Batches over many small shots: killed again and again, or on a Ray cluster of three nodes that loses one.

    python -m tests.campaigns.archives kills --count 1000 --kills 20
    python -m tests.campaigns.archives ray --count 40
    python -m tests.campaigns.archives speed --count 200

Each shot must be done exactly once: one output that `verify` passes, one last line in the journal that agrees with it,
one line of "done" in it, and no encoding that was thrown away but those that a kill cut short.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.codec.api import verify
from rawinlay.codec.archive.batch import Batch
from rawinlay.codec.archive.journal import NAME, digest_of, entries_in
from rawinlay.codec.archive.ray_workers import RayWorkers
from rawinlay.codec.archive.work import done
from rawinlay.codec.simulator import simulate

ROOT = Path(__file__).parents[2]
OPTIONS = {"quality": 40.0, "effort": 1}


def make_shots(folder: Path, count: int, size: tuple[int, int] | None = None) -> None:
    """So many different RAWs with their JPEGs, 72x96 to 120x160 sites or of one size, in folders of 100; of every tenth
    the JPEG is missing."""
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    from landscape import landscape

    for n in range(count):
        here = folder / f"{n // 100:03d}"
        here.mkdir(parents=True, exist_ok=True)
        draw = random.Random(n)
        height, width = size or (2 * draw.randint(36, 60), 2 * draw.randint(48, 80))
        scene = landscape(height + 64, width + 64)
        top, left = draw.randrange(64), draw.randrange(64)
        shot = simulate(scene[top : top + height, left : left + width], n, quality=90, odd_size=False, distortion=0.0,
                        orientation=1, iso=100, median=0.2)  # fmt: skip
        (here / f"IMG_{n:05d}.dng").write_bytes(write_dng(shot.raw))
        if n % 10:
            (here / f"IMG_{n:05d}.jpg").write_bytes(shot.jpeg)


def logged(task, log=None):
    """`done`, and a line of it in a file that all processes append to."""
    outcome = done(task)
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"{task.pair.raw}\n")
    return outcome


def judge(to: Path, count: int, log: Path | None = None) -> list[str]:
    """What is wrong with a batch that has come to its end."""
    wrong, last, ends = [], {}, collections.Counter()
    for line in (to / NAME).read_bytes().split(b"\n"):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        last[entry["raw"]] = entry
        ends[entry["raw"]] += entry["state"] == "done"
    outputs = sorted(path for path in to.rglob("*.jpg"))
    if len(outputs) != count or len(last) != count:
        wrong.append(f"{len(outputs)} outputs, {len(last)} in the journal, not {count}")
    for raw, entry in last.items():
        output = Path(entry["output"])
        data = output.read_bytes() if output.exists() else b""
        if entry["state"] != "done" or len(data) != entry["bytes"] or entry["options"] != digest_of(OPTIONS):
            wrong.append(f"{raw}: {entry['state']}, {len(data)} bytes")
        elif not verify(data).ok:
            wrong.append(f"{output}: not sound")
        if ends[raw] != 1:
            wrong.append(f"{raw}: done {ends[raw]} times in the journal")
    left = [path for path in to.rglob("*") if path.is_file() and path.suffix != ".jpg" and path.name != NAME]
    wrong += [f"left over: {path}" for path in left if "unfinished" not in path.name and ".part" not in path.name]
    if log is not None:
        twice = [raw for raw, n in collections.Counter(log.read_text().split("\n")[:-1]).items() if n > 1]
        wrong += [f"{raw}: encoded more than once" for raw in twice]
    return wrong


def kills(folder: Path, count: int, many: int, seed: int = 0) -> list[str]:
    """A batch of the command line, killed `many` times at random moments with all its processes, then finished."""
    photos, to = folder / "photos", folder / "out"
    make_shots(photos, count)
    words = [sys.executable, "-m", "rawinlay", "batch", str(photos), "-o", str(to), "--quality", "40", "--effort", "1",
             "--resume", "--quiet"]  # fmt: skip
    draw, cut = random.Random(seed), 0
    while cut < many:
        process = subprocess.Popen(words, start_new_session=True, stderr=subprocess.DEVNULL)
        before = len(list(to.rglob("*.jpg"))) if to.exists() else 0
        goal = before + draw.randrange(1, max(2, count // many))
        while process.poll() is None and (len(list(to.rglob("*.jpg"))) if to.exists() else 0) < goal:
            time.sleep(0.05)
        if process.poll() is not None:
            break
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        cut += 1
    report = folder / "report.jsonl"
    end = subprocess.run([*words, "--report", str(report)], capture_output=True, text=True)
    wrong = judge(to, count) + ([f"exit code {end.returncode}: {end.stderr}"] if end.returncode else [])
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    states = collections.Counter(line["state"] for line in lines)
    if states["done"] + states["skipped"] != count:
        wrong.append(f"the report has {dict(states)}")
    journal = entries_in((to / NAME).read_bytes())
    wrong += [f"{line['raw']}: journal and report differ" for line in lines
              if line | {"state": "done"} != journal.get(line["raw"])]  # fmt: skip
    print(f"{cut} kills; the last run: {dict(states)}")
    return wrong


def on_ray(folder: Path, count: int) -> list[str]:
    """A cluster of three nodes on this machine, one of which is killed when a third is done."""
    os.environ.setdefault("RAY_worker_niceness", "0")  # 15 otherwise, which comes to a halt beside other work
    import ray
    from ray.cluster_utils import Cluster

    photos, to, log = folder / "photos", folder / "out", folder / "log"
    make_shots(photos, count)
    log.touch()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    try:
        batch = Batch([photos], to, OPTIONS, jobs=1)
        batch.threads = 1
        batch.work = partial(logged, log=str(log))
        batch.workers = partial(RayWorkers, address=cluster.address, fixed=False)
        killed = []

        def tell(what: str, share: float) -> None:
            if share >= 1 / 3 and not killed and " of " in what and "looking" not in what:
                killed.append(what)
                cluster.remove_node(nodes[0], allow_graceful=False)

        told = []
        with batch.journal.opened():
            batch.run(batch.plan(), tell, told.append)
        wrong = judge(to, count)
        if collections.Counter(line["state"] for line in told) != {"done": count}:
            wrong.append(f"the report has {collections.Counter(line['state'] for line in told)}")
        again = [raw for raw, n in collections.Counter(log.read_text().split("\n")[:-1]).items() if n > 1]
        print(f"a node was killed at {killed}; encoded or adopted twice, since it had them: {len(again)}")
        return wrong + ([] if killed else ["no node was killed"])
    finally:
        ray.shutdown()
        cluster.shutdown()


def spent() -> float:
    """Seconds of the processor, of this process and of those that it has waited for."""
    now = os.times()
    return now.user + now.system + now.children_user + now.children_system


def speed(folder: Path, count: int, size: tuple[int, int] | None) -> None:
    """Seconds of the processor that a shot takes in a batch of two processes, and in `encode` calls of one, each
    beyond what a third as many take: without what comes once."""
    taken = {}
    code = ("import sys\nfrom pathlib import Path\nfrom rawinlay import encode\n"
            "for raw in sorted(Path(sys.argv[1]).rglob('*.dng')):\n"
            "    jpeg = raw.with_suffix('.jpg')\n"
            "    made = encode(raw, jpeg if jpeg.exists() else None, quality=40.0, effort=1)\n"
            "    Path(sys.argv[2], raw.name).write_bytes(made.jpeg)\n")  # fmt: skip
    for n in (count // 3, count):
        photos, to, alone = (folder / f"{name}{n}" for name in ("photos", "out", "alone"))
        make_shots(photos, n, size)
        alone.mkdir()
        before = spent()
        subprocess.run([sys.executable, "-c", code, str(photos), str(alone)], check=True)
        between = spent()
        subprocess.run([sys.executable, "-m", "rawinlay", "batch", str(photos), "-o", str(to), "--quality", "40",
                        "--effort", "1", "--jobs", "2", "--quiet"], check=True)  # fmt: skip
        taken[n] = between - before, spent() - between
    more = count - count // 3
    alone_each, batch_each = ((taken[count][k] - taken[count // 3][k]) / more for k in (0, 1))
    print(f"encode alone: {alone_each:.3f} s of the processor a shot; batch: {batch_each:.3f} s; "
          f"{alone_each / batch_each:.3f} of it")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("kills", "ray", "speed"))
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--size", type=int, nargs=2, help="sites of all shots, height and width")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rawinlay-archives-") as folder:
        if args.what == "speed":
            speed(Path(folder), args.count, tuple(args.size) if args.size else None)
            return
        here = Path(folder)
        found = kills(here, args.count, args.kills) if args.what == "kills" else on_ray(here, args.count)
    print("\n".join(found[:20]))
    print(f"{len(found)} faults" if found else f"{args.count} shots, each done once")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
