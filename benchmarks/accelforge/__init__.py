"""A like-for-like comparison with AccelForge's mapper: ``python -m benchmarks.accelforge [--live PYTHON]``.

Not a dependency: the figures of AccelForge are recorded in recorded.json; with ``--live`` it runs again, by a Python
(3.12 or newer) in whose environment it is installed: ``pip install accelforge==1.0.467``.
"""
