#!/usr/bin/env bash
# akida 2.19.3: one input channel more, 225 for 224, takes 2.3 times the neural processors of an AKD1000.
#
# One would guess: a convolution's weights are spread over the neural processors (NPs), so their number grows
#   with the weights; 256 channels, a power of two, are a good choice.
# What happens: from 225 input channels on, every NP of the virtual AKD1000 takes less than half as many
#   filters (16 instead of 37 with 3x3 and 4-bit weights). The step stands at 224 for 1x1, 3x3 and 5x5 filters and for
#   1-, 2- and 4-bit weights, and it multiplies with what large maps take: at 32x32 the layer needs 60 of the
#   device's 78 NPs instead of 24. 448 channels take the same 32 NPs as 384; with 512 the layer
#   leaves the hardware: `map` succeeds, without a word, and the layer has no mapping.
# Versions: akida 2.19.3 (the newest), its virtual device AKD1000, MapMode.Minimal, Python 3.11.
# Output seen (NPs of one 3x3 convolution on 16x16, 4-bit weights and activations, C -> F channels):
#   C -> 256: C 128: 4, 192: 7, 224: 7, 225: 16, 256: 16, 384: 32, 448: 32, 512: none
#   C -> 64: C 192: 2, 224: 2, 225: 4, 256: 4
#   224 -> 224: 6 NPs, 24 at 32x32; 228 -> 228: 15 NPs, 60 at 32x32
# Why it matters: a mapper or a network search that models the device by bits of weights is off by more than two, and
#   prefers the very width (256) at which a layer costs most per weight.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3.11}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check akida==2.19.3

cat > check.py <<'EOF'
import akida

def processors(channels, filters, size=16, kernel=3, bits=4):
    """Neural processors of one convolution on the virtual device; None where it is left to the host."""
    model = akida.Model()
    model.add(akida.InputData(input_shape=(size, size, channels), input_bits=4))
    model.add(akida.Convolutional(kernel_size=(kernel, kernel), filters=filters, weights_bits=bits, act_bits=4, name="conv"))
    model.map(akida.AKD1000(), mode=akida.MapMode.Minimal)
    (layer,) = [one for sequence in model.sequences for part in sequence.passes for one in part.layers if one.name == "conv"]
    return len(layer.mapping.nps) if layer.mapping else None

seen = {channels: processors(channels, 256) for channels in (128, 192, 224, 225, 256, 384, 448, 512)}
print("C -> 256:", seen)
assert seen == {128: 4, 192: 7, 224: 7, 225: 16, 256: 16, 384: 32, 448: 32, 512: None}
assert [processors(channels, 64) for channels in (192, 224, 225, 256)] == [2, 2, 4, 4]
assert [processors(n, n, size) for n in (224, 228) for size in (16, 32)] == [6, 24, 15, 60]
for kernel, bits in ((1, 4), (5, 4), (3, 1), (3, 2)):
    below, above = processors(224, 256, kernel=kernel, bits=bits), processors(228, 256, kernel=kernel, bits=bits)
    print(f"{kernel}x{kernel}, {bits}-bit weights: 224 channels {below} NPs, 228 channels {above}")
    assert above > below
assert len(akida.AKD1000().mesh.nps) == 78
EOF
venv/bin/python check.py
echo "akida 2.19.3: 224 input channels take 7 neural processors, 225 take 16"
