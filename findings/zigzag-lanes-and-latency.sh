#!/usr/bin/env bash
# ZigZag 3.9.1: one row more of work takes fewer cycles, and memory latencies are not read.
#
# One would guess: 1,025 output channels on 32 lanes take 33 rounds, never less time than 1,024 in
#   32; and `latency`, a field that ZigZag's validator demands of every memory, is part of the latency.
# What happens: a size that the lanes do not divide is unrolled by an average (1025 / 33 = 31.06),
#   whose integer part, 31, sets what is moved: 33 x 31 = 1,023 of 1,025 channels. Data movement is
#   cut below what the layer has, so 993 to 1,023 channels all cost what 992 cost, and 1,025 less
#   than 1,024. The `latency` fields change nothing; without the field the file is refused.
# Versions: zigzag-dse 3.9.1 (the newest), Python 3.12; six, which it needs and does not declare.
# Output seen (TPU-like machine of the package, GEMM 64 x 64 x K, LOMA, best EDP):
#   K  992: 15,935 cycles   993: 15,935   1023: 15,935   1024: 16,447   1025: 16,431
#   K 1024 with latency 1000 instead of 1 at every memory: 16,447
# Why it matters: layers that do not fit the array are the reason to look for another array. ZigZag
#   prices their compute as full rounds but their traffic as less than the tensor, so odd sizes
#   (vocabularies, class counts, pruned channels) look up to 3 % cheaper, and slow memories are free.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3.12}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check zigzag-dse==3.9.1 six==1.17.0

cat > check.py <<'EOF'
import contextlib, io, logging, pathlib, re
logging.disable(logging.CRITICAL)
import zigzag
from zigzag.api import get_hardware_performance_zigzag
from zigzag.parser.accelerator_validator import AcceleratorValidator
from zigzag.utils import open_yaml

INPUTS = pathlib.Path(zigzag.__file__).parent / "inputs"
TPU = (INPUTS / "hardware/tpu_like.yaml").read_text()

def cycles(k, latency=1):
    pathlib.Path("machine.yaml").write_text(re.sub(r"latency: \d+", f"latency: {latency}", TPU))
    layer = {"id": 0, "name": "gemm", "operator_type": "Gemm", "equation": "O[b][k]+=I[b][c]*W[c][k]",
             "dimension_relations": [], "loop_dims": ["B", "C", "K"], "loop_sizes": [64, 64, k],
             "operand_precision": {"W": 8, "I": 8, "O": 16, "O_final": 8}, "operand_source": {"I": 0, "W": 0}}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        energy, found, *_ = get_hardware_performance_zigzag(
            [layer], "machine.yaml", str(INPUTS / "mapping/tpu_like.yaml"), opt="EDP", lpf_limit=6,
            dump_folder="out", pickle_filename="out/found.pickle", loma_show_progress_bar=False)
    print(f"K {k}, latency {latency:4} at every memory: {found:,.0f} cycles, {energy:,.0f} pJ")
    return found

seen = {k: cycles(k) for k in (992, 993, 1023, 1024, 1025)}
assert seen == {992: 15935, 993: 15935, 1023: 15935, 1024: 16447, 1025: 16431}
assert TPU.count("latency: 1") >= 4 and cycles(1024, latency=1000) == seen[1024]

pathlib.Path("without.yaml").write_text(re.sub(r"\n *latency: \d+", "", TPU))
assert AcceleratorValidator(open_yaml("machine.yaml")).validate()
accepted = AcceleratorValidator(open_yaml("without.yaml")).validate()
print("accepted without the field:", accepted)
assert not accepted
EOF
venv/bin/python check.py
echo "zigzag-dse 3.9.1: 1,025 channels are faster than 1,024"
