"""What `make coverage` prints: the share of lines and branches that the tests take, and where it is smallest."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

LEAST = 10


def summary(report: dict[str, Any]) -> list[str]:
    """The total, and the modules least covered, worst first, from coverage's JSON report."""
    modules = sorted((data["summary"]["percent_covered"], name) for name, data in report["files"].items())
    lines = [f"covered, branches included: {report['totals']['percent_covered']:.1f} %; the least:"]
    return lines + [f"{percent:6.1f} %  {name}" for percent, name in modules[:LEAST]]


if __name__ == "__main__":
    print("\n".join(summary(json.loads(Path(sys.argv[1]).read_text("utf-8")))))  # noqa: T201
