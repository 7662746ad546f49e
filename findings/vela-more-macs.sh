#!/usr/bin/env bash
# ethos-u-vela 5.2.0: an Ethos-U85 of twice the MACs is 47 % slower, half the channels take 3.4 times the cycles.
#
# One would guess: among the sizes of one NPU, on the same memories, the larger array takes no more cycles of a layer in
#   its compiler's estimate; and half of the input channels take no more than all of them.
# What happens: 64 -> 64 channels, 1x1, take 47 % more cycles with 256 MACs a cycle than with 128: there alone the
#   compiler puts a copy of the whole input into SRAM before the layer, which costs more than it saves. 64 -> 128
#   channels, 3x3, take 39 % more with 1,024 MACs than with 512. With 128 MACs, 32 -> 64 channels take 3.4 times the
#   cycles of 64 -> 64, since another block order reads the inputs from DRAM again and again.
# Versions: ethos-u-vela 5.2.0 (the newest), Arm's own configuration in the package (Ethos_U85_SYS_DRAM_Mid,
#   Dedicated_Sram_384KB), `--optimise Performance` (the default), Python 3.11.
# Output seen (cycles_total of one int8 convolution by MACs a cycle of the Ethos-U85):
#   64 ->  64, 1x1, 28x28:  128:   43749, 256:   64314, 512:  38725, 1024:  38608
#   64 ->  64, 1x1, 56x56:  128:  172824, 256:  254421, 512: 153488, 1024: 153184
#   64 -> 128, 3x3, 28x28:  128: 2326153, 256: 1469999, 512: 287677, 1024: 399999
#   32 ->  64, 1x1, 28x28:  128:  150769, 256:  122499, 512:  61249, 1024:  51016
# Why it matters: which size of an NPU is bought, and which widths a network search prefers, is decided by these figures;
#   they rank the search, not the hardware.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3.11}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check ethos-u-vela==5.2.0 numpy==2.3.5

cat > check.py <<'EOF'
import csv, glob, shutil, subprocess
import flatbuffers, numpy as np

def convolution(path, channels, filters, k, size):
    """One int8 CONV_2D of stride 1, SAME, as a TensorFlow Lite file."""
    b = flatbuffers.Builder(1024)
    def table(**fields):                     # name: slot, kind, value; kinds are the builder's
        b.StartObject(6)
        for slot, kind, value in fields.values():
            getattr(b, f"Prepend{kind}Slot")(slot, value, 0)
        return b.EndObject()
    def vector(offsets):
        b.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            b.PrependUOffsetTRelative(offset)
        return b.EndVector()
    ref, ints = "UOffsetTRelative", lambda *v: b.CreateNumpyVector(np.array(v, np.int32))
    weights = np.random.default_rng(0).integers(-127, 128, (filters, k, k, channels)).astype(np.int8)
    data = [b"", weights.tobytes(), np.zeros(filters, np.int32).tobytes()]
    buffers = []
    for raw in data:
        content = b.CreateByteVector(raw) if raw else 0
        buffers.append(table(data=(0, ref, content)))
    tensors = []
    for name, shape, kind, buffer, scale in (("x", (1, size, size, channels), 9, 0, 0.05), ("w", weights.shape, 9, 1, 0.01),
                                             ("b", (filters,), 2, 2, 0.0005), ("y", (1, size, size, filters), 9, 0, 0.05)):
        scales, zeros = b.CreateNumpyVector(np.array([scale], np.float32)), b.CreateNumpyVector(np.zeros(1, np.int64))
        quantisation = table(scale=(2, ref, scales), zero=(3, ref, zeros))
        sizes, text = ints(*shape), b.CreateString(name)
        tensors.append(table(shape=(0, ref, sizes), type=(1, "Int8", kind), buffer=(2, "Uint32", buffer),
                             name=(3, ref, text), quantisation=(4, ref, quantisation)))
    options = table(stride_w=(1, "Int32", 1), stride_h=(2, "Int32", 1), dilation_w=(4, "Int32", 1), dilation_h=(5, "Int32", 1))
    inputs, outputs = ints(0, 1, 2), ints(3)
    operator = table(inputs=(1, ref, inputs), outputs=(2, ref, outputs), options_type=(3, "Uint8", 1), options=(4, ref, options))
    tensors, operators, begin, end, text = vector(tensors), vector([operator]), ints(0), ints(3), b.CreateString("g")
    graph = table(tensors=(0, ref, tensors), inputs=(1, ref, begin), outputs=(2, ref, end), operators=(3, ref, operators), name=(4, ref, text))
    code = table(deprecated=(0, "Int8", 3), version=(2, "Int32", 3), code=(3, "Int32", 3))
    codes, graphs, buffers = vector([code]), vector([graph]), vector(buffers)
    b.Finish(table(version=(0, "Uint32", 3), codes=(1, ref, codes), graphs=(2, ref, graphs), buffers=(4, ref, buffers)), b"TFL3")
    open(path, "wb").write(bytes(b.Output()))


def vela(macs, channels, filters, k, size):
    convolution("layer.tflite", channels, filters, k, size)
    shutil.rmtree("out", ignore_errors=True)
    subprocess.run(["venv/bin/vela", "layer.tflite", "--accelerator-config", f"ethos-u85-{macs}", "--config", "Arm/vela.ini",
                    "--system-config", "Ethos_U85_SYS_DRAM_Mid", "--memory-mode", "Dedicated_Sram_384KB",
                    "--output-dir", "out"], check=True, stdout=subprocess.DEVNULL)
    (row,) = csv.DictReader(open(glob.glob("out/*summary*.csv")[0]))
    return int(float(row["cycles_total"]))

SEEN = {(64, 64, 1, 28): {128: 43749, 256: 64314, 512: 38725, 1024: 38608},
        (64, 64, 1, 56): {128: 172824, 256: 254421, 512: 153488, 1024: 153184},
        (64, 128, 3, 28): {128: 2326153, 256: 1469999, 512: 287677, 1024: 399999},
        (32, 64, 1, 28): {128: 150769, 256: 122499, 512: 61249, 1024: 51016}}
for (channels, filters, k, size), cycles in SEEN.items():
    found = {macs: vela(macs, channels, filters, k, size) for macs in cycles}
    print(f"{channels} -> {filters}, {k}x{k}, {size}x{size}, cycles by MACs: {found}")
    assert found == cycles
EOF
venv/bin/python check.py
echo "ethos-u-vela 5.2.0: Ethos-U85 with 256 MACs takes 47 % more cycles than with 128"
