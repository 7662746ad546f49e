"""The command line. `main` and `commands` import nothing heavy; what a command does is in a module of its name."""
