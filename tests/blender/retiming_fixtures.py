"""A strip of bar codes to be retimed. A test file takes these fixtures by `pytest_plugins = ["retiming_fixtures"]`."""

from __future__ import annotations

import pytest
from retiming_tools import COUNT


@pytest.fixture(scope="module")
def bars():
    """The tools that make and read bar codes."""
    import bar_codes

    return bar_codes


@pytest.fixture(scope="module")
def movie_24(bars, tmp_path_factory):
    return bars.movie(tmp_path_factory.mktemp("movies") / "bars24.mp4", 24, COUNT)


@pytest.fixture(scope="module")
def movie_30(bars, tmp_path_factory):
    return bars.movie(tmp_path_factory.mktemp("movies") / "bars30.mp4", 30, COUNT)


@pytest.fixture
def owner(scene, bars):
    bars.set_up(scene)
    return scene.sequence_editor_create()


@pytest.fixture
def strips(part, owner):
    return part("compat").strips_of(owner)


@pytest.fixture
def retiming(part):
    return part("retiming")


@pytest.fixture
def showing(part):
    return part("retiming_source").showing


@pytest.fixture
def disturbance(part):
    return part("retiming_parts").disturbance


@pytest.fixture
def movie(strips, owner, movie_24):
    """A strip of all frames of the movie, from frame 11 on in channel 2."""
    strip = strips.new_movie("shot", str(movie_24), 2, 11)
    owner.active_strip = strip
    return strip
