"""The CLIP models: which there are, where they lie, how they are fetched, and how they are loaded."""
