"""Small good files that the tests of the readers start from."""

from __future__ import annotations

HARDWARE = """\
name: machine
memories:
  rf:
    size: 64
    r_cost: 0.1
    w_cost: 0.2
    area: 0
    latency: 1
    operands: [I1, I2, O]
    ports:
      - name: rw_port_1
        type: read_write
        bandwidth_min: 8
        bandwidth_max: 16
        allocation:
          - I1, fh
          - I1, tl
          - I2, fh
          - I2, tl
          - O, fh
          - O, tl
          - O, fl
          - O, th
    served_dimensions: []
  dram:
    size: 1000000
    r_cost: 10
    w_cost: 20
    area: 0
    latency: 1
    mem_type: dram
    operands: [I1, I2, O]
    ports:
      - name: r_port_1
        type: read
        bandwidth_min: 8
        bandwidth_max: 64
        allocation: ["I1, tl", "I2, tl", "O, tl"]
      - name: w_port_1
        type: write
        bandwidth_min: 8
        bandwidth_max: 64
        allocation: ["O, fl"]
    served_dimensions: [D1, D2]
operational_array:
  unit_energy: 0.5
  unit_area: 1
  dimensions: [D1, D2]
  sizes: [4, 2]
"""

IN_MEMORY = """\
name: macro
memories:
  cells:
    size: 8
    r_cost: 0
    w_cost: 0.1
    area: 0
    latency: 0
    operands: [I2]
    ports:
      - name: rw_port_1
        type: read_write
        bandwidth_min: 8
        bandwidth_max: 8
        allocation: ["I2, fh", "I2, tl"]
    served_dimensions: []
  dram:
    size: 1000000
    r_cost: 10
    w_cost: 20
    area: 0
    latency: 1
    operands: [I1, I2, O]
    ports:
      - name: rw_port_1
        type: read_write
        bandwidth_min: 8
        bandwidth_max: 64
        allocation: ["I1, tl", "I2, tl", "O, tl", "O, fl"]
    served_dimensions: [D1, D2]
operational_array:
  is_imc: true
  imc_type: analog
  input_precision: [8, 4]
  bit_serial_precision: 2
  adc_resolution: 6
  dimensions: [D1, D2]
  sizes: [32, 16]
"""

WORKLOAD = """\
- id: 0
  name: first
  operator_type: Conv
  equation: O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]
  dimension_relations: [ix=2*ox+1*fx, iy=2*oy+1*fy]
  loop_dims: [B, K, C, OY, OX, FY, FX]
  loop_sizes: [1, 16, 3, 8, 8, 3, 3]
  operand_precision:
    W: 8
    I: 8
    O: 16
    O_final: 8
  operand_source:
    W: 0
    I: 0
  pr_loop_dims: [IX, IY]
  padding: [[1, 1], [1, 0]]
- id: 1
  operator_type: Gemm
  equation: O[b][k] += W[k][c] * I[b][c]
  loop_dims: [B, K, C]
  loop_sizes: [4, 8, 16]
  operand_precision: {W: 8, I: 8, O: 16, O_final: 8}
  operand_source: {W: 1, I: 0}
"""

MAPPING = """\
- name: default
  spatial_mapping:
    D1:
      - K, 4
    D2:
      - C, 2
      - FX, 3
  spatial_mapping_hint:
    D1: [K]
  memory_operand_links:
    O: O
    W: I2
    I: I1
- name: Conv
  temporal_ordering:
    - [OX, 8]
    - [K, "*"]
    - ["*", "*"]
"""

FULL_MAPPING = """\
{"spatial_mapping": {"D1": {"K": 4}, "D2": {}},
 "temporal_mapping": {
   "W": [[["K", 2]], [["B", 4]]],
   "I": [[["K", 2]], [["B", 4]]],
   "O": [[["K", 2]], [["B", 4]]]},
 "double_buffered": {
   "W": [true, false], "I": [false, false], "O": [false, false]},
 "memory_operand_links": {
   "W": "I2",
   "I": "I1",
   "O": "O"}}
"""

RESULT = """\
{"zzcp_version": "0.1.0", "accelerator": "machine",
 "layers": [
  {"id": 0, "name": "conv", "status": "optimal", "objective": 1e-05,
   "spatial_mapping": {"D1": {"K": 4}},
   "temporal_mapping": {"W": [[["K", 2]]], "I": [[["K", 2]]], "O": [[["K", 2]]]},
   "double_buffered": {"W": [false], "I": [false], "O": [false]}},
  {"id": 1, "name": "twin", "spatial_mapping": {}, "temporal_mapping": {"W": [[]], "I": [[]], "O": [[]]}},
  {"id": 2, "name": "twin", "spatial_mapping": {}, "temporal_mapping": {"W": [[]], "I": [[]], "O": [[]]}},
  {"id": 3, "name": "none", "status": "infeasible", "spatial_mapping": null, "temporal_mapping": null}],
 "totals": {"energy": 0.0}}
"""
