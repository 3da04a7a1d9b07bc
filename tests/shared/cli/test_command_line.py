"""The command line without a server: flags, errors, exit codes, what is imported when."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from restyle.cli.flags import add_parameters, given_parameters
from restyle.cli.main import Parser, build_parser, main
from restyle.declare import JobDeclaration, Parameter
from restyle.errors import UsageError
from restyle.jobs import declarations
from restyle.words import plain

PROGRAM = [sys.executable, "-m", "restyle.cli.main"]
TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
HEAVY = ("torch", "numpy", "zmq", "trimesh", "rich", "PIL", "msgpack", "restyle_server")

SAMPLE = JobDeclaration(
    name="sample",
    title="Sample",
    help="Every type of parameter once.",
    inputs=(),
    outputs=(),
    parameters=(
        Parameter("way_out", "choice", "left", "Where to go.", choices={"left": "To the left", "right": "Not"}),
        Parameter("count", "int", 3, "How many.", minimum=1, maximum=20_000, unit="pieces"),
        Parameter("rate", "float", None, "How fast; 50 % is half.", minimum=0.0),
        Parameter("loud", "bool", False, "Whether to shout."),
        Parameter("label", "str", "none", "What to call it.", maximum=5),
    ),
)


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever reached for a server here would find none and fail; these commands must end before that."""
    monkeypatch.setenv("RESTYLE_SERVER", "tcp://127.0.0.1:9")
    monkeypatch.setenv("RESTYLE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def sample(*words: str) -> dict[str, object]:
    parser = Parser(prog="sample")
    add_parameters(parser, SAMPLE)
    return given_parameters(parser.parse_args(words), SAMPLE)


def test_flags_come_from_the_declaration() -> None:
    assert sample() == {}
    words = ["--way-out", "right", "--count", "7", "--rate", "2.5e1", "--loud", "--label", "abc"]
    assert sample(*words) == {"way_out": "right", "count": 7, "rate": 25.0, "loud": True, "label": "abc"}
    assert sample("--no-loud") == {"loud": False}


@pytest.mark.parametrize(
    ("number", "text"), [(0.05, "0.05"), (100.0, "100"), (1e6, "1,000,000"), (12_345_678, "12,345,678"), (-0.5, "-0.5")]
)
def test_numbers_for_people(number: float, text: str) -> None:
    assert plain(number) == text


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("--count 0", "0 is outside its range, from 1 to 20,000 pieces"),
        ("--count 2.5", "not a whole number"),
        ("--rate -1", "at least 0"),
        ("--rate nan", "not a finite number"),
        ("--rate fast", "not a number"),
        ("--way-out up", "'up' is not one of left, right"),
        ("--label abcdef", "at most 5 characters"),
        ("--unheard-of 1", "unrecognized arguments"),
    ],
)
def test_a_wrong_flag_is_named_with_what_is_allowed(words: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        sample(*words.split())
    assert words.split(maxsplit=1)[0] in caught.value.message


def test_words_without_quotes_are_explained() -> None:
    with pytest.raises(UsageError, match=r"arguments: brick\. Words .* quotes\. See: restyle mesh --help"):
        build_parser().parse_args(["mesh", "a.obj", "red", "brick", "-o", "b.ply"])


def test_help_tells_ranges_choices_and_defaults() -> None:
    parser = Parser(prog="sample")
    add_parameters(parser, SAMPLE)
    text = " ".join(parser.format_help().split())
    for part in (
        "left: To the left.",
        "[left]",
        "1 to 20,000 pieces.",
        "[3]",
        "50 % is half",
        "--no-loud",
        "shout. [off]",
    ):
        assert part in text


def test_every_parameter_of_the_mesh_job_is_a_flag_with_help() -> None:
    with pytest.raises(SystemExit) as caught:
        build_parser().parse_args(["mesh", "--help"])
    assert caught.value.code == 0
    parsed = build_parser().parse_args(["mesh", "a.obj", "red", "-o", "b.ply", "--seed", "7"])
    assert given_parameters(parsed, declarations()["stylize_mesh"]) == {"seed": 7}


@pytest.mark.parametrize("words", [["--json", "jobs"], ["jobs", "--json", "list"], ["jobs", "list", "--json"]])
def test_common_flags_are_taken_before_and_after_the_action(words: list[str]) -> None:
    if words[0] == "--json":
        with pytest.raises(UsageError):
            build_parser().parse_args(words)
        return
    parsed = build_parser().parse_args([*words[:1], "--server", "tcp://127.0.0.1:1", *words[1:]])
    assert (parsed.json, parsed.server) == (True, "tcp://127.0.0.1:1")


BAD_CALLS = [  # words, exit code, error code, part of the message
    ([], 2, "bad_usage", "COMMAND"),
    (["sculpt"], 2, "bad_usage", "invalid choice"),
    (["mesh", "tri.obj", "red"], 2, "bad_usage", "--output"),
    (["mesh", "tri.obj", "red", "-o", "out.stl"], 2, "bad_usage", "out.stl"),
    (["mesh", "tri.obj", "red", "-o", "out.ply", "--iterations", "0"], 2, "bad_usage", "--iterations"),
    (["mesh", "tri.obj", "red", "-o", "out.ply", "--preset", "fast"], 2, "bad_usage", "--preset"),
    (["mesh", "none.obj", "red", "-o", "out.ply"], 20, "bad_input", "none.obj: there is no such file"),
    (["mesh", "tri.blend", "red", "-o", "out.ply"], 20, "bad_input", "tri.blend"),
    (["mesh", "bad.obj", "red", "-o", "out.ply"], 20, "bad_input", "bad.obj: line 1"),
    (["mesh", "tri.obj", "  ", "-o", "out.ply"], 20, "bad_input", "PROMPT: it is empty"),
    (["mesh", "tri.obj", "red", "--also", "", "-o", "out.ply"], 20, "bad_input", "--also: it is empty"),
    (["mesh", "tri.obj", "--also", "", "-o", "out.ply"], 20, "bad_input", "--also: it is empty"),
    (["mesh", "tri.obj", "red", "--geometry-prompt", " ", "-o", "o.ply"], 20, "bad_input", "--geometry-prompt: it is"),
    (["image", "a.png", "--mode", "fill", "-o", "out.png"], 2, "bad_usage", "--hole is missing"),
    (["mesh", "tri.obj", "red " * 2500, "-o", "out.ply"], 20, "bad_input", "10,000 characters"),
    (["mesh", "tri.obj", "red", "-o", "no/folder/out.ply"], 20, "bad_input", "no/folder"),
    (["mesh", "tri.obj", "red", "-o", "out.ply", "--preview", "tri.obj"], 20, "bad_input", "tri.obj"),
    (["mesh", "tri.obj", "-o", "out.ply"], 2, "bad_usage", "PROMPT: there is no target"),
    (["mesh", "tri.obj", "red", "--palette", "red", "-o", "o.ply"], 2, "bad_usage", "--palette: 'red' is not"),
    (["mesh", "tri.obj", "-o", "out.ply", "--image", "none.png"], 20, "bad_input", "none.png: there is no such file"),
    (["mesh", "tri.obj", "red", "-o", "out.ply", "--mask", "none.npy"], 20, "bad_input", "none.npy: there is no such"),
    (["mesh", "tri.obj", "red", "-o", "out.ply", "--mask", "two.txt"], 20, "bad_input", "the mesh has 3 vertices"),
    (["mesh", "tri.obj", "red", "-o", "out.ply", "--start", "existing"], 20, "bad_input", "no vertex colours"),
    (["mesh", "tri.obj", "red", "-o", "out.ply", "--palette", "#12"], 2, "bad_usage", "'#12' is not a colour"),
    (["mesh", "tri.obj", "red", "-o", "out.ply", "--subdivide", "9"], 2, "bad_usage", "'9' is neither auto"),
    (["mesh", "tri.obj", "red", "-o", "out.ply", "--style", "s.png"], 2, "bad_usage", "s.png"),
    (["mesh", "tri.obj", "red", "-o", "out.ply", "--image-weight", "-1", "--image", "none.png"], 2, "bad_usage", "-1"),
    (["mesh", "tri.obj", "red", "-o", "out.ply", *["--also", "moss"] * 3], 2, "bad_usage", "there may be 3 in all"),
    (
        ["mesh", "tri.obj", "-o", "out.ply", *["--object-prompt", "moss"] * 2],
        2,
        "bad_usage",
        "more of them than meshes",
    ),
    (
        ["mesh", "tri.obj", "red", "-o", "out.ply", "--change", "color", "--direction", "out"],
        2,
        "bad_usage",
        "nothing is displaced",
    ),
    (["jobs", "show"], 2, "bad_usage", "ID"),
    (["models", "download", "ViT-X"], 2, "bad_usage", "ViT-B-32, mini"),
    (["models", "download", "mini"], 2, "bad_usage", "nothing to download"),
]


@pytest.mark.parametrize(("words", "exit_code", "code", "part"), BAD_CALLS, ids=lambda value: str(value)[:40])
def test_bad_calls_end_before_any_server_is_asked(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: list[str], exit_code: int, code: str, part: str
) -> None:
    (tmp_path / "tri.obj").write_text(TRIANGLE)
    (tmp_path / "bad.obj").write_text("v 0 0\n")
    (tmp_path / "two.txt").write_text("0\n1\n")
    assert main([*words, "--json"]) == exit_code
    printed = capsys.readouterr()
    record = json.loads(printed.out)
    assert record["state"] == "failed"
    assert record["error"]["code"] == code
    assert part in record["error"]["message"]
    assert part in printed.err
    assert "Traceback" not in printed.err
    assert main(words) == exit_code
    assert capsys.readouterr().out == ""


def test_a_server_that_does_not_answer_is_retryable(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "tri.obj").write_text(TRIANGLE)
    assert main(["mesh", "tri.obj", "red", "-o", "out.ply", "--json"]) == 10
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "server_unavailable"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom restyle.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    for words in (["--help"], ["mesh", "--help"], ["image", "--help"], ["jobs", "fetch", "--help"]):
        ran = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
        assert ran.stderr.strip() == "[]"
        assert "usage: restyle" in ran.stdout


def test_the_module_runs_as_a_program(tmp_path: Path) -> None:
    assert "restyle 0." in subprocess.run([*PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    failed = subprocess.run(
        [*PROGRAM, "mesh", "none.obj", "red", "-o", "a.ply"], capture_output=True, text=True, check=False
    )
    assert failed.returncode == 20
    assert failed.stderr.startswith("Error: none.obj: there is no such file")


def test_a_reader_that_goes_away_is_no_crash(tmp_path: Path) -> None:
    environment = os.environ | {"RESTYLE_MODELS_DIR": str(tmp_path)}
    command = [*PROGRAM, "models"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_models_are_listed_checked_and_fetched(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    registry = pytest.importorskip("restyle_server.models.registry")
    mirror = tmp_path / "mirror.pt"
    mirror.write_bytes(b"weights" * 1000)
    monkeypatch.setenv("RESTYLE_MODELS_DIR", str(tmp_path / "models"))
    assert main(["models", "download", "ViT-B-32", "--url", mirror.as_uri(), "--json"]) == 10
    assert "not the published file" in json.loads(capsys.readouterr().out)["error"]["message"]

    published = hashlib.sha256(mirror.read_bytes()).hexdigest()
    real = replace(registry.known("ViT-B-32"), sha256=published, bytes=7000)
    monkeypatch.setattr(registry, "MODELS", (real,))
    assert main(["models"]) == 0
    assert "restyle models download ViT-B-32" in capsys.readouterr().out
    assert main(["models", "download", "ViT-B-32", "--url", mirror.as_uri(), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["path"] == str(tmp_path / "models" / "ViT-B-32.pt")
    assert main(["models", "verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdicts"] == {"ViT-B-32": "intact"}
    (tmp_path / "models" / "ViT-B-32.pt").write_bytes(b"half")
    assert main(["models", "verify"]) == 20
    assert "ViT-B-32.pt: this file is damaged. Run: restyle models download" in capsys.readouterr().err


def test_models_says_what_the_bundled_one_knows_and_how_well(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("restyle_server.models.registry")
    assert main(["models"]) == 0
    listed = capsys.readouterr().out
    for expected in ("knows these words", "wicker", "turquoise", "wrinkled", "held out top1 of 20"):
        assert expected in listed
    assert main(["models", "--json"]) == 0
    mini = next(model for model in json.loads(capsys.readouterr().out)["models"] if model["name"] == "mini")
    assert mini["words_right"]["material_surface"]["brick"] > 0.9


def test_doctor_says_what_is_wrong_and_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RESTYLE_SERVER")
    (tmp_path / "data").write_text("a file where the folder should be")
    assert main(["doctor"]) == 1
    printed = capsys.readouterr().out
    assert re.search(r"MISSING  Data folder: .*\n +-> .*RESTYLE_DATA_DIR", printed)
    assert "\nok       Compute: torch" in printed
    assert "\nnote     Server: none runs" in printed
    assert "Restyle can work here." not in printed


def test_every_command_and_flag_is_in_the_documentation() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "command_line.md").read_text(encoding="utf-8")
    for words in (["serve"], ["mesh"], ["image"], ["jobs", "fetch"], ["models", "download"], ["doctor"]):
        ran = subprocess.run([*PROGRAM, *words, "--help"], capture_output=True, text=True, check=True)
        flags = set(re.findall(r"--[a-z][a-z-]*", ran.stdout)) - {"--help"}
        assert {flag for flag in flags if f"`{flag}`" not in page and f"{flag} " not in page} == set()
