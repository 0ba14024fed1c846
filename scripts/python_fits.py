"""Says whether the Python that runs it can carry the project, and the remedy where it cannot.

    python_fits.py          3.11 or newer, with venv
    python_fits.py 3.11     exactly that one (the lock is resolved for the oldest Python we support)

Exit status 0 if it fits, 1 with one line on standard error if not. Runs on any Python 3.
"""

import sys

OLDEST = (3, 11)


def _misfit(exactly):
    running = "{}.{}".format(*sys.version_info)
    if exactly and running != exactly:
        return f"the lock is made with Python {exactly}, this is {running}: make lock PYTHON=python{exactly}"
    if sys.version_info < OLDEST:
        return (
            f"Python 3.11 or newer is needed, {sys.executable} is {running}: name another one, for example "
            "make demo PYTHON=python3.12"
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return f"{sys.executable} has no venv module: apt-get install python3-venv, or name another PYTHON="
    return None


if __name__ == "__main__":
    problem = _misfit(sys.argv[1] if len(sys.argv) > 1 else None)
    if problem:
        sys.exit(problem)
