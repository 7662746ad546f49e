"""AccelForge's files: architectures and workloads to ours, and machine, layer and mapping to its own."""
