"""What this machine has and lacks for the lab. Looks, and never changes anything.

Every look has a deadline of its own and all run side by side, so that the whole takes about as long
as the slowest of them, also without a network. ``looking`` has the looks, ``judging`` says whether what they
saw is enough, ``findings`` is what comes of it.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from lab import checkout, machine
from lab.doctor import looking
from lab.doctor.findings import Engine, EngineFacts, Finding, Level, NoEngine, render, worst
from lab.doctor.judging import (
    judge_architecture,
    judge_checkout_disk,
    judge_engine,
    judge_python,
    judge_resources,
)

__all__ = [
    "EngineFacts",
    "Finding",
    "Level",
    "NoEngine",
    "examine",
    "render",
    "worst",
]


def examine(environment: Mapping[str, str] | None = None) -> list[Finding]:
    """Look at everything that the lab needs or can use, in the order in which it needs it."""
    env = dict(os.environ if environment is None else environment)
    with ThreadPoolExecutor(max_workers=16, thread_name_prefix="doctor") as pool:
        engine: Future[Engine] = pool.submit(looking.look_at_engine, env)
        looks: Sequence[Callable[[], Finding]] = (
            lambda: judge_python(sys.version_info[:3], sys.executable),
            lambda: looking.look_for_program("make", "apt-get install make"),
            lambda: looking.look_for_program("git", "apt-get install git"),
            lambda: judge_architecture(platform.machine()),
            lambda: judge_engine(engine.result()),
            lambda: looking.look_at_engine_disk(engine.result()),
            lambda: judge_resources(engine.result(), os.cpu_count() or 1, looking.memory()),
            lambda: looking.look_at_kernel(engine.result()),
            lambda: looking.look_for_compose(env),
            lambda: looking.look_at_registry(engine.result(), env),
            lambda: looking.look_at_builds(engine.result(), env),
            looking.look_at_packages,
            looking.look_at_pip,
            looking.look_at_npm,
            lambda: judge_checkout_disk(checkout.root(), machine.free_bytes(checkout.root())),
        )
        futures = [pool.submit(look) for look in looks]
        return [future.result() for future in futures]
