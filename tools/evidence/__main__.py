"""Write the page: `python -m tools.evidence`."""

import sys
from pathlib import Path

from tools.evidence.checks import problems
from tools.evidence.collected import PAGE, collect
from tools.evidence.page import render
from tools.evidence.still_to_come import PLAN, Plan
from tools.toc import ROOT


def main(root: Path = ROOT, plan: Plan = PLAN) -> int:
    """Write the page if nothing is wrong, else say what is; return the exit status."""
    evidence = collect(root, plan)
    if wrong := problems(evidence):
        print(f"{PAGE}.md stays as it was:", *wrong, sep="\n  ")
        return 1
    (root / f"{PAGE}.md").write_text(render(evidence), encoding="utf-8")
    print(f"{PAGE}.md is written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
