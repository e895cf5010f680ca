"""Runs: directories (store), the model in training (run), worker processes and their supervisor."""
