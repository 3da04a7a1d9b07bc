"""Fine-tuning on a studio's films: which are used and how they are divided, what counts as better, what is written."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("numba")

from restyle import modelfile
from restyle.errors import BadInputError
from restyle_server.retime.speediness import load_small, measure, studio
from restyle_server.retime.speediness.footage import Clip, Track
from restyle_server.retime.speediness.simulate import clip
from restyle_server.retime.speediness.small import SpeedinessNet, of_arrays


def named(name: str, frames: int = 60) -> Clip:
    source = name.rpartition("/")[2].split("_")[0]
    return Clip(name, source, name, Track(np.zeros((frames, 8, 8), np.uint8)), ())


@pytest.mark.parametrize(
    ("names", "group"),
    [
        ([f"{folder}/{k}.mp4" for folder in "abcde" for k in range(4)], lambda name: name.split("/")[0]),
        ([f"{folder}_{k}.mp4" for folder in "abc" for k in range(5)], lambda name: name.split("_")[0]),
        ([f"a_{k}.mp4" for k in range(8)], lambda name: name),
        (["one.mp4", "two.mp4"], lambda name: name),
        ([f"many/{k}.mp4" for k in range(30)] + ["few/1.mp4"], lambda name: name.split("/")[0]),
    ],
)
def test_groups_are_never_divided(names: list[str], group: Callable[[str], str]) -> None:
    for seed in range(5):
        learn, held = studio.split([named(name) for name in names], seed)
        known, judging = ({group(one.name) for one in part} for part in (learn, held))
        assert known
        assert judging
        assert not known & judging
        assert len(learn) + len(held) == len(names)
    again = studio.split([named(name) for name in names], 4)
    assert [one.name for one in again[1]] == [one.name for one in held]


def test_a_quarter_judges() -> None:
    clips = [named(f"{folder}/{k}.mp4") for folder in range(8) for k in range(3)]
    assert {len(studio.split(clips, seed)[1]) for seed in range(5)} == {6}


def scores(*aucs: float, accuracy: float = 0.7) -> measure.Score:
    return measure.Score(accuracy, (0, 1), 0.5, (0, 1), {str(k): (accuracy, auc) for k, auc in enumerate(aucs)})


def test_better_is_better_nearly_for_sure() -> None:
    old = scores(0.7, 0.8, 0.6, 0.9)
    assert studio.better(scores(0.75, 0.82, 0.7, 0.91), old)
    assert not studio.better(old, old)
    assert not studio.better(scores(0.65, 0.9, 0.55, 0.91), old)  # on the mean better, but by one film
    assert not studio.better(scores(0.75, 0.82, 0.7, 0.91, accuracy=0.6), old)
    new = scores(0.75, 0.82, 0.7, 0.91)
    assert studio.wins({"new": new, "shipped": old, "replaced": old})
    assert not studio.wins({"new": new, "shipped": old, "replaced": new})
    assert not studio.wins({"new": old, "shipped": new})


@pytest.fixture(name="films", scope="module")
def _films(tmp_path_factory: pytest.TempPathFactory, write_movie: Callable[..., Path]) -> Path:
    """Six films in three folders, and five that are unfit."""
    folder = tmp_path_factory.mktemp("footage")
    rng = np.random.default_rng(5)
    films = [clip(rng, 80)[..., None].repeat(3, 3) for _ in range(6)]
    for number, film in enumerate(films):
        place = folder / "abc"[number // 2]
        place.mkdir(exist_ok=True)
        write_movie(place / f"film{number}.mp4", film, Fraction(30))
    write_movie(folder / "quick.mp4", films[0], Fraction(60))  # 80 frames, of which every second one is seen
    write_movie(folder / "short.mp4", films[0][:60], Fraction(60))
    write_movie(folder / "drawn.mp4", films[0], Fraction(12))
    write_movie(folder / "pulled.mp4", films[4].repeat(3, 0), Fraction(30))
    (folder / "broken.mp4").write_bytes(b"nothing")
    (folder / "empty.mkv").touch()
    (folder / "notes.txt").write_text("no film")
    return folder


@pytest.fixture(name="gathered", scope="module")
def _gathered(films: Path, tmp_path_factory: pytest.TempPathFactory) -> studio.Films:
    return studio.gather(films, tmp_path_factory.mktemp("cache"), 0)


def test_unfit_films_are_listed(gathered: studio.Films) -> None:
    assert set(gathered.refused) == {"short.mp4", "drawn.mp4", "pulled.mp4", "broken.mp4", "empty.mkv"}
    assert "80 are needed" in gathered.refused["short.mp4"]
    assert "12.0 frames per second" in gathered.refused["drawn.mp4"]
    assert "repeat" in gathered.refused["pulled.mp4"]
    used = {one.name: one for one in (*gathered.learn, *gathered.held)}
    assert len(used) == 7
    assert used["quick.mp4"].frames == 40  # as at inference, about 30 a second
    assert used["quick.mp4"].coded[0][1].frames.shape[0] == 20


@pytest.mark.parametrize(("recorded", "words"), [("240", "slow motion"), ("2", "time lapse"), ("30", ""), ("x", "")])
def test_slow_motion_that_says_so_is_refused(films: Path, tmp_path: Path, recorded: str, words: str) -> None:
    import av

    for number in (1, 2):
        path = tmp_path / "films" / f"{number}.mp4"
        path.parent.mkdir(exist_ok=True)
        with (
            av.open(str(films / "a" / f"film{number - 1}.mp4")) as source,
            av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as target,
        ):
            if number == 1:
                target.metadata["com.android.capture.fps"] = recorded
            stream = target.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(source.streams.video[0]):
                if packet.dts is not None:
                    packet.stream = stream
                    target.mux(packet)
    if words:
        with pytest.raises(BadInputError, match=words):
            studio.gather(tmp_path / "films", tmp_path / "cache", 0)
    else:
        assert not studio.gather(tmp_path / "films", tmp_path / "cache", 0).refused


def test_one_film_is_too_few(films: Path, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "film.mp4").write_bytes((films / "a" / "film0.mp4").read_bytes())
    (tmp_path / "one" / "broken.mp4").write_bytes(b"nothing")
    with pytest.raises(BadInputError, match=r"1 of its 2 films .*\n.*broken\.mp4: it cannot be read"):
        studio.gather(tmp_path / "one", tmp_path / "cache", 0)


def ignorant() -> SpeedinessNet:
    torch.manual_seed(3)
    return SpeedinessNet().eval().requires_grad_(False)


def test_the_verdict_and_what_is_written(gathered: studio.Films, tmp_path: Path) -> None:
    shares: list[float] = []
    knowing = load_small()
    verdict = studio.judge({"new": knowing, "shipped": ignorant()}, gathered, shares.append)
    assert verdict.better
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    headline = verdict.table["1x against 2x"]
    assert list(headline) == ["new", "shipped", "motion"]
    assert headline["new"].auc > headline["shipped"].auc + 0.1
    assert verdict.still["new"] > 0.9

    path = tmp_path / "ours.safetensors"
    studio.write(path, knowing, gathered, verdict, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    model = modelfile.read_model(path)
    assert set(model.metadata["held_out"]) == {one.name for one in gathered.held}
    # The level that is written: on the held-out films, 0 parts 1x from 2x on the mean.
    judged = [measure.windows(held.name, held.plain.frames, knowing) for held in gathered.held]
    assert np.mean([one.natural.mean() for one in judged]) == pytest.approx(knowing.natural, rel=0.01)
    assert knowing.natural < 0 < np.mean([one.fast.mean() for one in judged])
    film = torch.from_numpy(np.array(gathered.held[0].plain.frames[:24]))[None]
    wanted, _, _ = knowing.frames(film)
    for read in (of_arrays(model.arrays, model.metadata), load_small("cpu", path)):
        torch.testing.assert_close(read.frames(film)[0], wanted)
        assert (read.natural, read.rise) == (knowing.natural, knowing.rise)


def test_a_training_is_interrupted_and_goes_on(
    gathered: studio.Films, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio, "SIMULATED", 3)
    calls: list[float] = []

    def stop(share: float) -> None:
        calls.append(share)
        if len(calls) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        studio.fine_tune(gathered, tmp_path, 5.0, 0, on_step=stop)
    _, steps = studio.trained(tmp_path)
    assert steps == 1
    net = studio.fine_tune(gathered, tmp_path, 1e-9, 0)  # the time is spent: what was learned comes back
    assert studio.trained(tmp_path)[1] == steps
    assert not torch.equal(net.head.weight, load_small().head.weight)
    fresh = studio.fine_tune(gathered, tmp_path, 1e-9, 1)  # another seed is another training
    assert torch.equal(fresh.head.weight, load_small().head.weight)
    (tmp_path / "mine.txt").touch()
    studio.clear(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_arrays_from_elsewhere_are_checked() -> None:
    good = {name: tensor.numpy().copy() for name, tensor in load_small().state_dict().items()}
    about = {"what": "restyle speediness", "natural": -0.4, "rise": 0.2}
    assert of_arrays(good, about).natural == -0.4
    bad = [
        (good, {}, "not weights"),
        (good, about | {"natural": None}, "natural"),
        (good, about | {"rise": float("nan")}, "rise"),
        ({name: good[name] for name in list(good)[1:]}, about, "missing"),
        (good | {"more": np.zeros(3, np.float32)}, about, "too much"),
        (good | {"head.bias": np.zeros(2, np.float32)}, about, "head.bias"),
        (good | {"head.bias": np.zeros(1, np.float64)}, about, "float64"),
        (good | {"head.bias": np.full(1, np.inf, np.float32)}, about, "cannot be"),
        (good | {"blocks.0.spatial_norm.running_var": np.full(24, -1, np.float32)}, about, "cannot be"),
    ]
    for arrays, metadata, words in bad:
        with pytest.raises(BadInputError, match=words):
            of_arrays(arrays, metadata)
