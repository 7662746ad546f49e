"""Score specifications with AccelForge's evaluator; to be started with a Python that has the package ``accelforge``.

``python score.py A.yaml B.yaml ...`` prints one line of JSON for each: energy, latency, and the energy of every
component. It imports nothing of zzcp, so that AccelForge can live in an environment of its own.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Score the files of the arguments."""
    import accelforge  # noqa: PLC0415 - slow
    from accelforge.mapper.FFM.mappings import Mappings  # noqa: PLC0415

    Mappings.render = lambda *_, **__: ""  # it draws every mapping with Graphviz, which may be missing
    accelforge.set_n_parallel_jobs(1)
    paths = [Path(name).resolve() for name in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # it writes the drawing here
        for path in paths:
            row = accelforge.Spec.from_yaml(str(path)).evaluate_mapping().data.iloc[0]
            components: dict[str, float] = {}
            for name, value in row.items():
                parts = str(name).split("<SEP>")
                if len(parts) == 5 and parts[1] == "energy":
                    key = f"{parts[2]} {parts[3]} {parts[4]}"
                    components[key] = components.get(key, 0.0) + float(value)
            total = {name: float(row[f"Total<SEP>{name}"]) for name in ("energy", "latency")}
            print(json.dumps({**total, "components": components}), flush=True)


if __name__ == "__main__":
    main()
