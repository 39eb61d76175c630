"""Measure and print: `python -m tools.bench [FUNCTION …]`. With `--gate`, compare with the recorded baseline."""

import argparse
import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tools.bench import bill, cloud, gate, layers, measure, units
from tools.bench.measure import Subject
from tools.bench.subjects import Function, functions, ours, rival

# CPU times are ratios of alternating runs: noise affects both alike.
_ROUNDS = 5
_WARM = 50


@dataclass(frozen=True)
class Bench:
    """The builds of a run."""

    authority: cloud.Authority
    bootstrap: Any
    product: Any
    tutorials: Any

    def subjects(self, function: Function) -> dict[str, tuple[Subject, bool]]:
        """The subjects to measure for a function, by name, and whether each uses the product's item format."""
        found = {"ours": (ours(function, self.product), True)}
        found["tutorial"] = (rival(function, f"{function.tutorial}.handler", self.tutorials), False)
        if function.fastapi:
            found["fastapi"] = (rival(function, "fastapi_app.handler", self.tutorials), False)
        if function.floor is not None:
            found["floor"] = (rival(function, f"floor.{function.floor}", self.tutorials), False)
        return found


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("functions", nargs="*", help="only these functions (default: all)")
    parser.add_argument("--gate", action="store_true", help="only compare with tools/bench/baseline.json")
    parser.add_argument("--record", action="store_true", help="rewrite tools/bench/baseline.json")
    arguments = parser.parse_args()
    layers.BUILT.mkdir(parents=True, exist_ok=True)
    if arguments.gate or arguments.record:
        sys.exit(gate.run(record=arguments.record))
    authority = cloud.Authority(layers.BUILT)
    product, tutorials = layers.product(authority.certificate), layers.tutorials(authority.certificate)
    bench = Bench(authority, layers.bootstrap(), product, tutorials)
    chosen = [each for each in functions() if not arguments.functions or each.name in arguments.functions]
    report = {"layer": _layer(bench), "functions": {}, "units": units.table()}
    if not measure.has_valgrind():
        print("valgrind is not installed (Debian: apt install valgrind): using processor time instead.\n")
    for function in chosen:
        report["functions"][function.name] = _measured(bench, function)
        print("\n".join(_lines(function, report["functions"][function.name])), flush=True)
    print("\n".join([*_layer_lines(report["layer"]), *units.lines(), *bill.table()]))
    (layers.BUILT / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    print(f"\nAll figures: {layers.BUILT / 'report.json'}")


def _layer(bench: Bench) -> dict[str, Any]:
    sizes = {"ours": layers.size(bench.product), "tutorial": layers.size(bench.tutorials)}
    return {name: {"bytes": found[0], "metadata_bytes": found[1]} for name, found in sizes.items()}


def _layer_lines(sizes: Any) -> Iterator[str]:
    yield "\nLayer, unzipped: MB without package metadata, MB of package metadata"
    for name, found in sizes.items():
        yield f"  {name:12}{found['bytes'] / 1e6:8.1f}{found['metadata_bytes'] / 1e6:8.1f}"


def _measured(bench: Bench, function: Function) -> dict[str, Any]:
    subjects = bench.subjects(function)
    found: dict[str, Any] = {name: {} for name in subjects}
    cpu: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(_ROUNDS):
        for name, (subject, compact) in subjects.items():
            used = measure.usage(subject, bench.bootstrap, bench.authority, [function.events(1, compact)])
            cpu[name].append(used.cpu_seconds)
            found[name] |= {"peak_kb": used.peak_kilobytes, "modules": used.modules}
    for name, (subject, compact) in subjects.items():
        found[name]["cpu_seconds_cold"] = statistics.median(cpu[name])
        found[name] |= _per_call(bench, function, subject, compact)
        if measure.has_valgrind():
            found[name] |= _counted(bench, function, subject, compact)
    pairs = [mine / theirs for mine, theirs in zip(cpu["ours"], cpu["tutorial"], strict=True)]
    found["ours"]["cpu_ratio_cold"] = statistics.median(pairs)
    return found


def _per_call(bench: Bench, function: Function, subject: Subject, compact: bool) -> dict[str, Any]:
    """Processor time, logged bytes, calls and sent bytes of a warm invocation with one order or record."""
    events = [function.events(1, compact) for _ in range(_WARM + 1)]
    cold, warm = (measure.usage(subject, bench.bootstrap, bench.authority, each) for each in (events[:1], events))
    return {
        "cpu_ms_warm": (warm.cpu_seconds - cold.cpu_seconds) / _WARM * 1000,
        "log_bytes": (warm.log_bytes - cold.log_bytes) / _WARM,
        "calls": {name: (count - cold.calls.get(name, 0)) / _WARM for name, count in warm.calls.items()},
        "sent_bytes": {name: (sent - cold.sent_bytes.get(name, 0)) / _WARM for name, sent in warm.sent_bytes.items()},
    }


def _counted(bench: Bench, function: Function, subject: Subject, compact: bool) -> dict[str, Any]:
    """Instructions and system calls: cold, and warm for each size. The second invocation of a size is the warm one."""
    events = [function.events(1, compact), *(function.events(n, compact) for n in function.sizes for _ in range(2))]
    counted = measure.instructions(subject, bench.bootstrap, bench.authority, events)
    return {
        "instructions_bootstrap": counted.bootstrap,
        "instructions_start": counted.start,
        "instructions_first": counted.first,
        "instructions_cold": counted.cold,
        "instructions_warm": dict(zip(function.sizes, counted.warm[1::2], strict=True)),
        "system_calls_cold": counted.calls_cold,
        "system_calls_warm": counted.calls_warm[1],
    }


def _lines(function: Function, found: dict[str, Any]) -> Iterator[str]:
    base = found["tutorial"]
    yield f"\n{function.name}: ratio to the tutorial ({function.tutorial})"
    keys: Sequence[tuple[str, str]] = [
        ("cold, instructions", "instructions_cold"),
        ("cold, processor time", "cpu_seconds_cold"),
        ("peak memory", "peak_kb"),
        ("modules", "modules"),
        ("system calls, cold", "system_calls_cold"),
        ("warm, processor time", "cpu_ms_warm"),
        ("log bytes, warm", "log_bytes"),
    ]
    yield f"  {'':26}" + "".join(f"{name:>10}" for name in found) + f"{'tutorial has':>16}"
    for label, key in keys:
        if key in base:
            yield _row(label, [each[key] for each in found.values()], base[key])
    for size in base.get("instructions_warm", {}):
        label = f"warm, {size}, instructions"
        values = [each["instructions_warm"][size] for each in found.values()]
        yield _row(label, values, base["instructions_warm"][size])
    yield f"  calls: {', '.join(f'{name} {count:g}' for name, count in found['ours']['calls'].items() if count)}"


def _row(label: str, values: Sequence[float], base: float) -> str:
    ratios = "".join(f"{value / base:10.2f}" if base else f"{'–':>10}" for value in values)
    return f"  {label:26}{ratios}{base:16,.4g}" if base < 1000 else f"  {label:26}{ratios}{base:16,.0f}"


if __name__ == "__main__":
    main()
