"""`python -m tests.failure_drill`: provoke each way of failing, and see which of the template's alarms ring."""

import sys
from dataclasses import dataclass

from tests.failure_drill.alarms import minutes_to_fire, rings, severity
from tests.failure_drill.modes import MODES, Mode
from tests.failure_drill.scene import Scene


@dataclass(frozen=True)
class Result:
    """After how many minutes the mode's alarm rang, `None` where it stayed silent, and which others rang."""

    mode: Mode
    after: int | None
    others: tuple[str, ...]


def drill(mode: Mode) -> Result:
    """Play a mode, and evaluate the template over what it left behind."""
    scene = Scene()
    with scene.recorded():
        mode.play(scene)
    found = rings(scene.lines, scene.fed, scene.minute)
    after = found.pop(mode.alarm, None)
    return Result(mode, after, tuple(sorted(found)))


def main() -> int:
    """0 where no mode is silent."""
    results = [drill(mode) for mode in MODES]
    print(f"{'what fails':<52}{'brought about':<15}{'alarm':<26}{'severity':<10}{'fires after':<13}also")
    for result in results:
        mode = result.mode
        after = "SILENT" if result.after is None else f"{minutes_to_fire(mode.alarm)} min"
        others = ", ".join(result.others)
        print(f"{mode.name:<52}{mode.how:<15}{mode.alarm:<26}{severity(mode.alarm):<10}{after:<13}{others}")
    silent = sum(result.after is None for result in results)
    provoked = sum(result.mode.how == "provoked" for result in results)
    print(f"{len(results) - silent} of {len(results)} ring; {provoked} provoked, {len(results) - provoked} fed")
    return 1 if silent else 0


if __name__ == "__main__":
    sys.exit(main())
