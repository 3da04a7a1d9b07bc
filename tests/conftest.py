"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real sample data, which is not part of the project: RESTYLE_TEST_DATA, else ../shared/data."""
    folder = Path(os.environ.get("RESTYLE_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "meshes").is_dir():
        pytest.skip("no sample data: set RESTYLE_TEST_DATA to a folder with meshes/, images/ and videos/")
    return folder
