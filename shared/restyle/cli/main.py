"""The entry point of `restyle`: reads the command line, runs one command, turns errors into exit codes.

Exit codes: 0 done, 2 bad usage, 10 retryable, 20 bad input, 30 cancelled, 1 anything else.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from ..errors import BadInputError, CancelledError, RestyleError, UsageError
from ..jobs import declaration
from ..version import __version__
from .flags import add_parameters
from .output import Output, of_flag

MOST_MINUTES = 10_000  # a week


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are errors like all others, so that --json reports them too."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(f"{message}. See: {self.prog} --help".replace("..", "."))

    def parse_args(self, words: Sequence[str]) -> argparse.Namespace:  # type: ignore[override]
        """What the words mean; UsageError for those that mean nothing, with the command that they were given to."""
        parsed, unknown = self.parse_known_args(words)
        if unknown:
            command = [getattr(parsed, name, None) for name in ("command", "action")]
            self.prog = " ".join(filter(None, [self.prog, *command]))
            hint = "" if unknown[0].startswith("-") else ". Words that belong together go in quotes"
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return parsed


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = Parser(
        prog="restyle", description="Restyle meshes and pictures and retime clips, with or without Blender."
    )
    parser.add_argument("--version", action="version", version=f"restyle {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    machine = Parser(add_help=False)
    # Suppressed defaults: a sub-command's own would undo what was given before its name.
    parser.set_defaults(json=False, server=None, action=None)
    machine.add_argument(
        "--json",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print one JSON object in the end",
    )
    client = Parser(add_help=False, parents=[machine])
    client.add_argument(
        "--server",
        metavar="ADDRESS",
        default=argparse.SUPPRESS,
        help="the server to use, such as tcp://127.0.0.1:7411 [RESTYLE_SERVER, else the one running here, else one is "
        "started for this command]",
    )

    serve = commands.add_parser("serve", help="run the compute server until it is stopped")
    serve.add_argument("--endpoint", default="auto", metavar="tcp://127.0.0.1:PORT", help="where to listen [auto]")
    serve.add_argument("--data-dir", metavar="DIR", help="where jobs and their data are kept [this user's data folder]")
    serve.add_argument("--device", default="auto", metavar="auto|cpu|cuda|cuda:N", help="what computes [auto]")

    _add_mesh(commands.add_parser("mesh", parents=[client], help="stylize a mesh from a prompt, pictures or meshes"))
    _add_image(commands.add_parser("image", parents=[client], help="build a picture or clip from another's matter"))
    _add_style(commands.add_parser("style", help="use a stored style again: on other meshes, or as textures"), client)
    _add_retime(commands.add_parser("retime", parents=[client], help="retime a clip to an exact length, adaptively"))
    _add_jobs(commands.add_parser("jobs", parents=[client], help="see and handle the jobs of a server"), client)
    _add_models(commands.add_parser("models", parents=[machine], help="see, fetch and check the CLIP models"), machine)
    commands.add_parser("doctor", parents=[machine], help="what this machine has, what is missing, what to do about it")
    return parser


def _add_place(parser: Parser, *flags: str, **options: Any) -> None:
    """A flag that names a file or folder to write."""
    name = parser.add_argument(*flags, **options).dest
    parser.set_defaults(places={**(parser.get_default("places") or {}), name: flags[0]})


def _places(parsed: argparse.Namespace) -> dict[str, str]:
    """What to call the files and folders that are written; `Output.places`. One that is also read has its own name."""
    flags = vars(parsed).get("places", {})
    read = {path for name, value in vars(parsed).items() if name not in flags for path in _paths(value)}
    written = {path: flag for name, flag in flags.items() for path in _paths(getattr(parsed, name))}
    return {path: of_flag(path, flag) for path, flag in written.items() if path not in read}


def _paths(value: object) -> set[str]:
    """The value of a flag, or of one that may be repeated, as paths are written in errors."""
    if isinstance(value, list):
        return set().union(*map(_paths, value))
    return {str(Path(value))} if isinstance(value, str) else set()


def _add_mesh(parser: Parser) -> None:
    job = declaration("stylize_mesh")
    parser.description = job.help
    parser.add_argument("mesh", metavar="MESH", help="an .obj, .ply, .glb, .stl or .off file")
    parser.add_argument(
        "prompt", metavar="PROMPT", nargs="?", help=next(p.help for p in job.inputs if p.name == "prompt")
    )
    _add_place(parser, "-o", "--output", required=True, metavar="OUT", help="a .ply, .obj or .glb file to write")
    _add_place(parser, "--preview", metavar="DIR", help="also write pictures there, as they come and in the end")
    targets = parser.add_argument_group("targets, mixed by the weights below")
    for flag, metavar, text in (
        ("--also", "PROMPT", "another prompt"),
        ("--image", "IMG", "a picture that it should look like; may be repeated"),
        ("--target-mesh", "MESH", "a mesh that it should look like, with its vertex colours; may be repeated"),
        ("--object", "MESH", "another mesh to stylize in the same look; may be repeated; written to OUT.2, OUT.3"),
        ("--object-prompt", "PROMPT", "a prompt for one of the meshes, in their order; may be repeated"),
    ):
        targets.add_argument(flag, action="append", default=[], metavar=metavar, help=text)
    for flag, each in (
        ("--prompt-weight", "PROMPT, and again of each --also"),
        ("--image-weight", "each --image"),
        ("--target-mesh-weight", "each --target-mesh"),
    ):
        text = f"how much {each} counts, in their order [1]"
        targets.add_argument(flag, action="append", default=[], type=float, metavar="FLOAT", help=text)
    targets.add_argument("--geometry-prompt", metavar="PROMPT", help="what the bare shape should look like")
    parser.add_argument(
        "--mask", metavar="WEIGHTS", help="a .npy or text file: for each vertex from 0, not to be changed, to 1"
    )
    _add_place(parser, "--style", metavar="OUT", help="also write the style there, a .safetensors file to use again")
    parser.add_argument(
        "--subdivide", metavar="auto|N", type=_subdivision, help="halve every edge N times first, or as often as needed"
    )
    weights = tuple(p.name for p in job.parameters if p.name.endswith("_weight") and p.name != "object_prompts_weight")
    add_parameters(parser, job, without=("object_prompts", *weights))


def _subdivision(text: str) -> int | str:
    if text != "auto" and not re.fullmatch(r"[0-6]", text):
        raise argparse.ArgumentTypeError(f"{text!r} is neither auto nor a number from 0 to 6.")
    return text if text == "auto" else int(text)


def _add_image(parser: Parser) -> None:
    job = declaration("image_analogy")
    parser.description = job.help
    parser.add_argument(
        "structure",
        metavar="STRUCTURE",
        help="the picture whose layout is kept; or a clip: a folder, a pattern like shot.####.png, or a movie",
    )
    parser.add_argument(
        "appearance",
        metavar="APPEARANCE",
        nargs="?",
        help="the picture whose matter is used; vary, retarget and fill work on one picture, so leave it out for these",
    )
    _add_place(
        parser,
        "-o",
        "--output",
        required=True,
        metavar="OUT",
        help="a .png file; for a clip a folder, or a .mp4, .mov or .mkv",
    )
    _add_place(parser, "--preview", metavar="DIR", help="also write pictures there, as they come")
    parser.add_argument(
        "--size", type=_size, metavar="WxH", help="size of the result, such as 1920x1080, 1920x or x1080"
    )
    parser.add_argument("--fps", type=float, metavar="FPS", help="rate of a clip from numbered pictures [24]")
    parser.add_argument(
        "--structure-mask", "--hole", metavar="MASK", help="where it may change: white; for fill: the hole, white"
    )
    parser.add_argument("--appearance-mask", metavar="MASK", help="whose matter may be used: white")
    for kind, text in (
        ("id", "pictures of IDs, or painted areas: equal colours belong together"),
        ("depth", "depth passes"),
        ("normal", "normal passes"),
        ("passes", "OpenEXR MultiLayer files of a renderer: object and material index, depth, normal"),
    ):
        parser.add_argument(
            f"--guide-{kind}", nargs=2, action="append", default=[], metavar=("STRUCTURE", "APPEARANCE"), help=text
        )
    add_parameters(parser, job, without=("width", "height"))


def _add_retime(parser: Parser) -> None:
    job = declaration("retime_clip")
    parser.description = job.help
    parser.add_argument(
        "clip",
        metavar="CLIP",
        nargs="?",
        help="a movie; or a folder of numbered pictures, or a pattern like a.####.png",
    )
    _add_place(parser, "-o", "--output", metavar="OUT", help="the movie to write: a .mp4, .mov or .mkv")
    _add_place(parser, "--curve", metavar="CSV", help="also the frame map: which frame of the clip is shown when")
    _add_place(parser, "--plot", metavar="PNG", help="also a picture of what was measured, and of the speed")
    _add_place(parser, "--heat", metavar="MP4", help="also the clip under its map of speediness")
    _add_place(parser, "--wav", metavar="WAV", help="also the retimed sound on its own")
    parser.add_argument("--map", metavar="CSV", help="show the frames that this table names, such as an edited --curve")
    parser.add_argument("--fps", type=float, metavar="FPS", help="rate of a clip from numbered pictures [24]")
    parser.add_argument(
        "--analyze",
        metavar="FOLDER",
        help="instead: write tables and plots of all movies of a folder into -o DIR, and say which are alike",
    )
    parser.add_argument(
        "--weights", metavar="WEIGHTS", help="judge by this network instead: what --train has written, or an S3D-G"
    )
    parser.add_argument(
        "--train",
        metavar="FOLDER",
        help="instead: train the network further on a folder of films, here and not on a server, and write it to "
        "-o WEIGHTS.safetensors if that made it better",
    )
    parser.add_argument("--minutes", type=_minutes, metavar="FLOAT", help="of training, for --train [20]")
    parser.add_argument("--seed", type=_seed, metavar="INT", help="of --train: which films judge, and chance [0]")
    add_parameters(parser, job, without=("render", "heat", "wav", "features", "container"))


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes <= MOST_MINUTES:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes up to {MOST_MINUTES:,}.")
    return minutes


def _seed(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 999,999,999.")
    return int(text)


def _size(text: str) -> tuple[int | None, int | None]:
    match = re.fullmatch(r"(\d{0,9})x(\d{0,9})", text)
    if match is None or not any(match.groups()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 1920x1080, 1920x or x1080.")
    width, height = (int(number) if number else None for number in match.groups())
    return width, height


def _add_style(parser: Parser, client: Parser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, out in (
        ("apply", "a .ply, .obj or .glb file to write"),
        ("bake", "the folder of the textures, made if need be"),
    ):
        job = declaration(f"{name}_style")
        action = actions.add_parser(name, parents=[client], help=job.help, description=job.help)
        action.add_argument(
            "style", metavar="STYLE", help="a .safetensors file, or the id of the job that made the style"
        )
        action.add_argument("mesh", metavar="MESH", help="an .obj, .ply, .glb, .stl or .off file")
        _add_place(action, "-o", "--output", required=True, metavar="DIR" if name == "bake" else "OUT", help=out)
        _add_place(action, "--preview", metavar="DIR", help="also write a sheet of views there")
        add_parameters(action, job)
    actions.add_parser("list", parents=[client], help="the styles that the server still has, by the id of their job")


def _add_jobs(parser: Parser, client: Parser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", parents=[client], help="all jobs, the latest last (this is what happens without ACTION)")
    for name, text in (
        ("show", "where a job stands, its settings and its log"),
        ("watch", "follow a job to its end"),
        ("cancel", "end a job that is not done"),
        ("fetch", "write the outputs of a job that is done into a folder"),
        ("forget", "delete a job with all it made"),
    ):
        action = actions.add_parser(name, parents=[client], help=text)
        action.add_argument("id", metavar="ID", help="the job's id, as `restyle jobs list` shows it")
        if name == "fetch":
            _add_place(action, "-o", "--output", required=True, metavar="DIR", help="the folder, made if need be")


def _add_models(parser: Parser, machine: Parser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", parents=[machine], help="all known models (this is what happens without ACTION)")
    download = actions.add_parser("download", parents=[machine], help="fetch a model; an interrupted one goes on")
    download.add_argument("name", metavar="NAME", help="the model's name, as `restyle models list` shows it")
    download.add_argument("--url", help="fetch it from here instead; the file must still be the published one")
    actions.add_parser("verify", parents=[machine], help="check the files of the models on this machine")


def _run(parsed: argparse.Namespace, output: Output) -> int:
    try:
        code: int = importlib.import_module(f".{parsed.command}", __package__).run(parsed, output)
    except OSError as error:  # whoever asks whether a file exists is prepared for every answer but this
        if error.errno != errno.ENAMETOOLONG or error.filename is None:
            raise
        raise BadInputError(f"{error.filename}: this name is too long for a file.") from error
    return code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `restyle` with these arguments (without the program's name) and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    output = Output(as_json="--json" in words)
    try:
        parsed = build_parser().parse_args(words)
        output.places = _places(parsed)
        code = _run(parsed, output)
        output.finish()
        return code
    except RestyleError as error:
        output.fail(error)
        return error.exit_code
    except KeyboardInterrupt:
        stopped = CancelledError("stopped by the keyboard.")
        output.fail(stopped)
        return stopped.exit_code
    except BrokenPipeError:  # `restyle jobs list | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001  a fault of ours: its trace is shown, and --json keeps its promise
        traceback.print_exc()
        output.fail(
            RestyleError(f"Restyle itself broke ({type(error).__name__}: {error}). Please report the text above.")
        )
        return 1


if __name__ == "__main__":
    sys.exit(main())
