"""Jobs that exist only for tests: cheap, deterministic, and badly behaved on request."""

from restyle.declare import JobDeclaration, Parameter, Port

JOBS = (
    JobDeclaration(
        name="toy",
        title="Toy",
        help="Walks towards a number step by step, with a checkpoint after each.",
        inputs=(
            Port("mesh", "mesh", "A mesh whose vertices are moved.", optional=True),
            Port("prompt", "text", "A text.", optional=True),
            Port("clip", "frames", "A media file, whose hash is told.", optional=True),
        ),
        outputs=(
            Port("attributes", "attributes", "colors (V, 3), offset (V, 3), displacement (V,).", optional=True),
            Port("film", "frames", "A file of random bytes that calls itself a movie.", optional=True),
            Port("report", "report", "The steps as they were taken."),
        ),
        parameters=(
            Parameter("steps", "int", 3, "How many steps.", "Steps", 0, 100_000),
            Parameter("pause", "float", 0.0, "Seconds per step.", "Pause", 0, 100),
            Parameter("seed", "int", 0, "Where it starts.", "Seed", 0, 2**31 - 1),
            Parameter("film", "int", 0, "How large the film is.", "Film", 0, 4096, unit="MiB"),
            Parameter(
                "misbehave",
                "choice",
                "no",
                "What goes wrong.",
                choices={
                    "no": "Nothing",
                    "sleep": "It sleeps and never looks up",
                    "wedge": "It holds Python's lock in native code",
                    "child": "It waits for a process of its own, and never looks up",
                    "crash": "Its process dies each time",
                    "crash_once": "Its process dies at the first attempt",
                    "memory": "It runs out of memory",
                    "bug": "It raises ZeroDivisionError",
                    "bad_input": "It finds fault with its input",
                    "exit": "It calls sys.exit",
                    "no_output": "It forgets its output",
                    "bad_output": "Its output holds what is no number",
                    "chatty": "It fails with a very long message",
                },
            ),
        ),
    ),
)
