#!/usr/bin/env python3
"""Writes helm/recording-farm/README.md from the chart's schema and its values; `--check` fails where it differs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parents[1] / "helm" / "recording-farm"

HEAD = """# recording-farm

The farm on Kubernetes. How to install it: [docs/operations/deploy.md](../../docs/operations/deploy.md); what to do when
an alert fires: [docs/operations/runbook.md](../../docs/operations/runbook.md).

```
helm install farm helm/recording-farm --namespace media --values my-values.yaml
```

`ci/` holds values that the tests render: all defaults, a GPU pool, an external Redis with S3, the least.

## Values

Made from `values.schema.json` and `values.yaml` by `scripts/chart_readme.py`. A value that is not here, or of another
type, is refused.

| value | default | meaning |
|---|---|---|
"""


def rows(schema: dict[str, Any], values: Any, path: str = "") -> Iterator[str]:
    """A row for each value, below the row of what it belongs to."""
    for name, about in schema["properties"].items():
        if name == "global":
            continue
        here = f"{path}.{name}" if path else name
        if "properties" in about:
            yield f"| **`{here}`** | | {about['description']} |"
            yield from rows(about, values[name], here)
        else:
            yield f"| `{here}` | {_default(values[name])} | {_meaning(about)} |"


def readme() -> str:
    """The whole page."""
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    return HEAD + "\n".join(rows(schema, values)) + "\n"


def _default(value: Any) -> str:
    return "" if value in ("", [], {}) else f"`{json.dumps(value) if not isinstance(value, str) else value}`"


def _meaning(about: dict[str, Any]) -> str:
    return str(about["description"]).replace("|", "\\|")


def main() -> int:
    page = CHART / "README.md"
    if "--check" in sys.argv[1:]:
        return 0 if page.read_text("utf-8") == readme() else 1
    page.write_text(readme(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
