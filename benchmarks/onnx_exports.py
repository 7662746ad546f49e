"""Networks of torch, exported to ONNX by both of its exporters: run by the suite ``onnx_files`` in a Python with torch.

``python onnx_exports.py FOLDER`` writes ``NAME.onnx`` (the exporter of torch.export) and ``NAME-script.onnx`` (the
older one). Networks have their real widths and random weights.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional


class Recurrent(nn.Module):
    """A tagger: embedding, bidirectional LSTM, GRU, linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(1000, 128)
        self.lstm = nn.LSTM(128, 128, num_layers=2, bidirectional=True, batch_first=True)
        self.gru = nn.GRU(256, 64, batch_first=True)
        self.head = nn.Linear(64, 17)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return scores of tokens."""
        return self.head(self.gru(self.lstm(self.embed(tokens))[0])[0])


class Segmenter(nn.Module):
    """A U-Net of one level: convolutions, transposed convolution, skip connection."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU())
        self.deep = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(32, 64, (1, 7), padding=(0, 3)), nn.ReLU())
        self.up = nn.ConvTranspose2d(64, 32, 2, stride=2)
        self.head = nn.Conv2d(64, 2, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return a mask."""
        left = self.down(image)
        return self.head(torch.cat([left, self.up(self.deep(left))], dim=1))


class Decoder(nn.Module):
    """One decoder block with grouped-query attention and a gated feed-forward layer."""

    def __init__(self, width: int = 256, heads: int = 8, shared: int = 2) -> None:
        super().__init__()
        self.heads, self.shared, self.depth = heads, shared, width // heads
        self.query, self.output = nn.Linear(width, width), nn.Linear(width, width)
        self.key, self.value = (nn.Linear(width, shared * self.depth) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.gate, self.up, self.down = nn.Linear(width, 512), nn.Linear(width, 512), nn.Linear(512, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the tokens after the block."""
        batch, length, width = tokens.shape
        inner = self.norms[0](tokens)
        query = self.query(inner).view(batch, length, self.heads, self.depth).transpose(1, 2)
        key, value = (
            part(inner).view(batch, length, self.shared, self.depth).transpose(1, 2)
            for part in (self.key, self.value)
        )
        key, value = (part.repeat_interleave(self.heads // self.shared, dim=1) for part in (key, value))
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        tokens = tokens + self.output(mixed.transpose(1, 2).reshape(batch, length, width))
        inner = self.norms[1](tokens)
        return tokens + self.down(functional.silu(self.gate(inner)) * self.up(inner))


class Video(nn.Module):
    """A 3-D convolution, a 1-D convolution over time and a contraction."""

    def __init__(self) -> None:
        super().__init__()
        self.space = nn.Conv3d(3, 16, (3, 5, 5), stride=(1, 2, 2), padding=(1, 2, 2))
        self.time = nn.Conv1d(16, 32, 3, padding=1)
        self.mix = nn.Parameter(torch.randn(32, 10))

    def forward(self, clip: torch.Tensor) -> torch.Tensor:
        """Return scores of every frame."""
        frames = self.space(clip).mean(dim=(-1, -2))
        return torch.einsum("bct,ck->btk", self.time(frames), self.mix)


def encoder() -> nn.Module:
    """Return two layers of torch's own transformer."""
    layer = nn.TransformerEncoderLayer(128, 4, 512, batch_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


NETWORKS = {
    "recurrent": (Recurrent, torch.zeros(2, 24, dtype=torch.int64), {0: "batch", 1: "length"}),
    "segmenter": (Segmenter, torch.zeros(1, 3, 64, 96), {0: "batch"}),
    "decoder": (Decoder, torch.zeros(2, 24, 256), {0: "batch", 1: "length"}),
    "video": (Video, torch.zeros(1, 3, 8, 32, 48), {0: "batch"}),
    "encoder": (encoder, torch.zeros(2, 24, 128), {0: "batch", 1: "length"}),
}
"""How a network is made, an input, and which of its dimensions are open."""


def main() -> None:
    """Write the files; what an exporter cannot export is said and left out."""
    folder = Path(sys.argv[1])
    for name, (make, example, dynamic) in NETWORKS.items():
        for suffix, dynamo in (("", True), ("-script", False)):
            network = make().eval()
            options = {"dynamic_shapes": ({axis: torch.export.Dim(key) for axis, key in dynamic.items()},)}
            if not dynamo:
                options = {"dynamic_axes": {"input": dynamic}}
            try:
                torch.onnx.export(
                    network,
                    (example,),
                    folder / f"{name}{suffix}.onnx",
                    dynamo=dynamo,
                    input_names=["input"],
                    **options,
                )
            except Exception as error:  # noqa: BLE001 - exporters raise what they like
                print(f"{name}{suffix}: {type(error).__name__}: {str(error).splitlines()[0][:200]}")


if __name__ == "__main__":
    main()
