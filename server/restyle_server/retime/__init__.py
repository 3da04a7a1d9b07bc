"""Adaptive speedup: clips that get faster where nothing hurries, to the exact length asked for (after SpeedNet)."""
