"""Measure how fast Parkstream is: run one benchmark, show its table, and write its JSON."""

import argparse
from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmarks import (
    capacity,
    console,
    drain,
    gates,
    grow,
    latency,
    log,
    memory,
    pages,
    plate,
    publish,
    replicas,
    shuffled,
    stack,
    telemetry,
)
from benchmarks.results import Row, medians, report, say

BENCHMARKS = (drain, latency, publish, grow, log, memory, plate, gates, telemetry, console, capacity, replicas)
REPEATS = {"drain": 3, "console": 5}
MEASURED_SECONDS = {"publish": 5, "capacity": 20, "replicas": 20}
IN_FULL = {"console": ["--records", "1000000", "--seconds", "20"]}
"""What is asked for where the results are kept, and takes too long otherwise."""


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(
        prog="./dev bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    benchmarks = parser.add_subparsers(dest="name", metavar="NAME", title="what can be measured")
    for module in BENCHMARKS:
        name = module.__name__.rpartition(".")[2]
        own = benchmarks.add_parser(name, help=(module.__doc__ or "").splitlines()[0], description=module.__doc__)
        own.add_argument("--json", type=Path, help="where to write the result (default: .bench/NAME.json)")
        own.add_argument(
            "--repeats",
            type=int,
            default=REPEATS.get(name, 1),
            help="how often to run each; medians are shown (default: %(default)s)",
        )
        _arguments(name, own)
    benchmarks.add_parser("all", help=(_all.__doc__ or "").splitlines()[0], description=_all.__doc__)
    options = parser.parse_args()
    match options.name:
        case None:
            parser.print_help()
        case "all":
            _all(parser)
        case name:
            _RUN[name](options)


def _all(parser: argparse.ArgumentParser) -> None:
    """Run every benchmark, keep the results in docs/results, and write docs/performance.md."""
    for name, run in _RUN.items():
        run(parser.parse_args([name, "--json", str(pages.RESULTS / f"{name}.json"), *IN_FULL.get(name, [])]))
    within, folder = drain.SHUFFLED_WITHIN_SECONDS, pages.RESULTS
    with stack.servers() as (sandbox, rabbitmq):
        drain.measure(sandbox, rabbitmq, "parkstream", 20_000, within, traced=True, flames=folder)
    say(f"written to {pages.write()}")


def _arguments(name: str, parser: argparse.ArgumentParser) -> None:
    if name == "drain":
        parser.add_argument(
            "--pairs", type=int, default=20_000, help="number of entries, and of exits (default: %(default)s)"
        )
        parser.add_argument(
            "--only", nargs="*", choices=list(drain.CANDIDATES), help="which candidates to run (default: all)"
        )
        parser.add_argument("--untraced", action="store_true", help="measure without tracing only")
    if name == "latency":
        parser.add_argument(
            "--rates", type=float, nargs="*", default=[50, 200, 500], help="events per second (default: 50 200 500)"
        )
        parser.add_argument("--seconds", type=float, default=20, help="how long each rate lasts (default: %(default)s)")
    if name in MEASURED_SECONDS:
        parser.add_argument("--seconds", type=float, default=MEASURED_SECONDS[name], help="how long each lasts")
    if name == "grow":
        parser.add_argument(
            "--events",
            type=int,
            nargs="*",
            default=[10_000, 100_000, 1_000_000],
            help="sizes (default: 10000 100000 1000000)",
        )
    if name == "log":
        parser.add_argument("--events", type=int, default=1_000_000, help="number of records (default: %(default)s)")
    if name == "memory":
        parser.add_argument("--cars", type=int, default=4_200, help="how many enter (default: %(default)s)")
    if name == "gates":
        parser.add_argument(
            "--outages", type=float, nargs="*", default=[30, 90], help="how long a gate is cut off (default: 30 90 s)"
        )
    if name == "console":
        console.arguments(parser)
    if name == "telemetry":
        parser.add_argument("--count", type=int, default=50_000, help="how many of each are emitted")


def _drain(options: argparse.Namespace) -> None:
    shuffle = drain.SHUFFLED_WITHIN_SECONDS
    rows: list[Row] = []
    with stack.servers() as (sandbox, rabbitmq):
        for repeat in range(options.repeats):
            say(f"drain, repeat {repeat + 1} of {options.repeats}")
            for traced in (False,) if options.untraced else (False, True):
                rows.extend(
                    drain.measure(sandbox, rabbitmq, name, options.pairs, shuffle, traced=traced)
                    for name in options.only or drain.CANDIDATES
                )
        full = medians((shuffled.measure(sandbox, rabbitmq, options.pairs) for _ in range(options.repeats)), ("name",))
    merged = medians(rows, ("name", "traced"))
    _against_the_baseline(merged)
    columns = ("name", "traced", "events_per_second", "ratio_to_aio_pika", "cpu_us_per_event")
    apart = {"full_shuffle": full, "pairs": options.pairs, "shuffled_within_seconds": shuffle}
    report("drain", merged, columns, options.json, **apart)


def _against_the_baseline(rows: list[Row]) -> None:
    speed = {(row["name"], row["traced"]): row["events_per_second"] for row in rows}
    for row in rows:
        baseline = speed.get(("aio-pika", row["traced"]))
        if baseline:
            row["ratio_to_aio_pika"] = round(row["events_per_second"] / baseline, 2)


def _latency(options: argparse.Namespace) -> None:
    rows: list[Row] = []
    with stack.servers() as (sandbox, rabbitmq):
        for repeat in range(options.repeats):
            say(f"latency, repeat {repeat + 1} of {options.repeats}")
            for traced in (False, True):
                for rate in options.rates:
                    rows += latency.measure(sandbox, rabbitmq, rate, options.seconds, traced=traced)
    merged = medians(rows, ("name", "rate", "traced", "pending"))
    report("latency", merged, ("rate", "traced", "pending", "p50_ms", "p95_ms", "p99_ms"), options.json)


def _publish(options: argparse.Namespace) -> None:
    rows: list[Row] = []
    with stack.servers() as (sandbox, rabbitmq):
        for repeat in range(options.repeats):
            say(f"publish, repeat {repeat + 1} of {options.repeats}")
            for traced in (False, True):
                rows += publish.measure(sandbox, rabbitmq, options.seconds, traced=traced)
    merged = medians(rows, ("name", "traced"))
    report("publish", merged, ("name", "traced", "events_per_second", "cpu_us_per_event"), options.json)


def _grow(options: argparse.Namespace) -> None:
    rows: list[Row] = []
    with stack.servers() as (sandbox, rabbitmq):
        for _ in range(options.repeats):
            rows.extend(
                grow.measure(sandbox, rabbitmq, events, drain.SHUFFLED_WITHIN_SECONDS) for events in options.events
            )
    merged = medians(rows, ("name", "events"))
    columns = ("events", "events_per_second", "redis_bytes_per_event", "cpu_us_per_event", "rss_mib", "open_files")
    report("grow", merged, columns, options.json)


def _log(options: argparse.Namespace) -> None:
    rows: list[Row] = []
    for repeat in range(options.repeats):
        say(f"log, repeat {repeat + 1} of {options.repeats}")
        rows.append(log.measure(options.events))
    merged = medians(rows, ("events",))
    report("log", merged, log.COLUMNS, options.json, **{name: merged[0][name] for name in log.PROMISED})


def _memory(options: argparse.Namespace) -> None:
    with stack.servers() as (sandbox, rabbitmq):
        rows = [memory.measure(sandbox, rabbitmq, options.cars) for _ in range(options.repeats)]
    merged = medians(rows, ("name",))
    report("memory", merged, ("cars", "bytes", "record", "decision", "base"), options.json)


def _plate(options: argparse.Namespace) -> None:
    rows = [row for _ in range(options.repeats) for row in plate.measure()]
    columns = ("name", "sightings", "fold_us", "write_us", "bytes")
    report("plate", medians(rows, ("name", "sightings")), columns, options.json)


def _gates(options: argparse.Namespace) -> None:
    with stack.servers() as (sandbox, rabbitmq):
        rows = [
            gates.measure(sandbox, rabbitmq, outage, backends)
            for _ in range(options.repeats)
            for outage in options.outages
            for backends in gates.BACKENDS
        ]
    columns = ("name", "outage_seconds", "frozen_seconds", "sightings", "corrected", "reasons", "decisions")
    report("gates", medians(rows, ("name", "outage_seconds")), columns, options.json)


def _telemetry(options: argparse.Namespace) -> None:
    rows = [row for _ in range(options.repeats) for row in telemetry.measure(options.count)]
    report("telemetry", medians(rows, ("name",)), ("name", "us_each"), options.json)


def _console(options: argparse.Namespace) -> None:
    with stack.servers() as (sandbox, rabbitmq):
        row = console.measure(sandbox, rabbitmq, msgspec.convert(vars(options), console.Scene))
    columns = ("cars", "records", "viewers", "cpu_ratio", "cpu_us_with", "cpu_us_without", "rss_mib", "looks")
    report("console", [row], columns, options.json)


def _lasting(name: str, measure: Callable[..., list[Row]], by: str, *columns: str) -> Callable[..., None]:
    def run(options: argparse.Namespace) -> None:
        with stack.servers() as (sandbox, rabbitmq):
            rows = [row for _ in range(options.repeats) for row in measure(sandbox, rabbitmq, options.seconds)]
        report(name, medians(rows, (by,)), columns, options.json)

    return run


_RUN: dict[str, Callable[[argparse.Namespace], None]] = {
    "drain": _drain,
    "latency": _latency,
    "publish": _publish,
    "grow": _grow,
    "log": _log,
    "memory": _memory,
    "plate": _plate,
    "gates": _gates,
    "telemetry": _telemetry,
    "console": _console,
    "capacity": _lasting("capacity", capacity.measure, "name", *capacity.COLUMNS),
    "replicas": _lasting("replicas", replicas.measure, "replicas", *replicas.COLUMNS),
}

if __name__ == "__main__":
    main()
