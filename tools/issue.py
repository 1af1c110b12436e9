"""Open an issue on GitHub, or add to the one that is open: `python -m tools.issue TITLE`.

The weekly workflow calls it when a check failed. It needs `gh`, GitHub's command line.
"""

import json
import os
import subprocess
import sys


def body(environ: dict[str, str]) -> str:
    """Return what the issue says: where to look.

    Parameters
    ----------
    environ : dict of str to str
        The variables with which GitHub describes a run.
    """
    server, repository, run = (
        environ[f"GITHUB_{name}"] for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")
    )
    return (
        f"It failed in {server}/{repository}/actions/runs/{run}, on commit {environ['GITHUB_SHA']}."
        " CONTRIBUTING.md tells what the check means and how to run it by hand."
    )


def gh(*arguments: str) -> str:
    """Run GitHub's command line; return what it printed."""
    command = ["gh", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def report(title: str, text: str) -> str:
    """Open an issue, or comment on the open one of this title, so that there is never a second.

    Parameters
    ----------
    title : str
        The title, which tells the issue from others.
    text : str
        What to say.

    Returns
    -------
    str
        The address of the issue or of the comment.
    """
    listed = gh("issue", "list", "--state=open", "--limit=1000", "--json=number,title")
    numbers = [str(issue["number"]) for issue in json.loads(listed) if issue["title"] == title]
    if numbers:
        return gh("issue", "comment", numbers[0], f"--body={text}")
    return gh("issue", "create", f"--title={title}", f"--body={text}")


def main() -> int:
    """Open the issue and print its address; return the exit status."""
    if len(sys.argv) != 2:
        print("issue: want one title", file=sys.stderr)
        return 2
    try:
        print(report(sys.argv[1], body(dict(os.environ))).strip())
    except KeyError as missing:
        print(f"issue: want {missing} among the variables, as on GitHub", file=sys.stderr)
        return 1
    except (OSError, subprocess.CalledProcessError) as problem:
        print(f"issue: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
