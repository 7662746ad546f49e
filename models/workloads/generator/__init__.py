"""How the ONNX files of this folder are made: run `generate.py`."""
