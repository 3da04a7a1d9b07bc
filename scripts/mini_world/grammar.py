"""Captions: many wordings of (surface, colour, second colour, geometry), in which the object's noun hardly matters.

People stylize horses, candles and chairs; a stylizer cannot change what the mesh is. So nouns are drawn freely, and
only the surface words decide whether a caption fits a picture.
"""

import re
from collections.abc import Iterator

import numpy as np
from numpy.random import Generator

from .palettes import COLORS
from .scene import GEOMETRIES, SHAPES
from .surface import SURFACES

Labels = tuple[int, int, int, int] | np.ndarray  # surface, colour, second colour, geometry

COLOR_WORDS = {name: (name,) for name in COLORS} | {
    "grey": ("grey", "gray"),
    "purple": ("purple", "violet"),
    "turquoise": ("turquoise", "teal", "cyan"),
}

# Nouns that follow "made of"; the first one is the canonical word.
MATERIAL_WORDS = {
    "brick": ("brick", "bricks", "red brick", "red bricks", "brickwork", "masonry"),
    "wood": ("wood", "wood", "brown wood", "timber", "oak", "wood planks", "walnut"),
    "gold": ("gold", "gold", "shiny gold", "solid gold", "polished gold"),
    "silver": ("silver", "steel", "metal", "iron", "chrome", "aluminium"),
    "copper": ("copper", "bronze"),
    "cobblestone": ("cobblestone", "cobblestones", "cobble", "pebbles"),
    "stone": ("stone", "rock", "grey stone", "rocks"),
    "marble": ("marble", "white marble"),
    "granite": ("granite",),
    "concrete": ("concrete", "cement"),
    "rust": ("rust", "rusty metal", "rusty iron", "rusted steel"),
    "ice": ("ice", "frozen ice"),
    "lava": ("lava", "magma", "molten lava"),
    "moss": ("moss", "green moss"),
    "grass": ("grass", "green grass"),
    "bark": ("bark", "tree bark"),
    "wicker": ("wicker", "rattan", "woven straw"),
    "crochet": ("crochet", "wool", "yarn", "colorful crochet", "knitted wool", "knitting"),
    "leather": ("leather", "brown leather"),
    "sand": ("sand", "sandstone"),
    "chocolate": ("chocolate", "dark chocolate", "milk chocolate"),
    "cheese": ("cheese", "yellow cheese", "swiss cheese"),
    "honeycomb": ("honeycomb", "beeswax honeycomb"),
    "water": ("water", "blue water"),
    "denim": ("denim", "blue denim", "jeans"),
    "clouds": ("clouds", "white clouds", "cloud"),
    "galaxy": ("galaxy", "stars", "the night sky"),
    "cactus": ("cactus", "green cactus"),
    "strawberry": ("strawberry", "strawberries"),
    "watermelon": ("watermelon",),
    "scales": ("scales", "snake scales", "snake skin", "dragon scales", "fish scales", "reptile skin"),
    "fur": ("fur", "brown fur", "hair"),
    "feathers": ("feathers", "white feathers"),
    "paper": ("paper", "white paper", "crumpled paper", "origami"),
    "snow": ("snow", "white snow"),
    "crystal": ("crystal", "amethyst", "crystals"),
    "mosaic": ("mosaic", "mosaic tiles", "tiles", "ceramic tiles"),
    "rope": ("rope", "ropes", "coiled rope"),
}
TINTED_WORDS = {
    "brick": ("brick", "bricks"),
    "wood": ("wood", "painted wood", "planks"),
    "crochet": ("crochet", "wool", "yarn", "knitted wool"),
    "cobblestone": ("cobblestone", "cobblestones", "pebbles"),
    "scales": ("scales", "snake scales", "dragon scales", "fish scales"),
    "mosaic": ("mosaic", "mosaic tiles", "tiles"),
}
ADJECTIVES = {
    "brick": ("brick",),
    "wood": ("wooden", "wood"),
    "gold": ("golden", "gold"),
    "silver": ("silver", "metallic", "steel"),
    "rust": ("rusty", "rusted"),
    "moss": ("mossy",),
    "ice": ("icy", "frozen"),
    "fur": ("furry", "hairy"),
    "scales": ("scaly",),
    "feathers": ("feathered",),
    "crochet": ("knitted", "crocheted", "woollen"),
    "grass": ("grassy",),
    "snow": ("snowy", "snow covered"),
    "sand": ("sandy",),
    "crystal": ("crystal",),
}
GEOMETRY_WORDS = {
    "smooth": ("smooth",),
    "bumpy": ("bumpy", "lumpy", "knobbly"),
    "spiky": ("spiky", "thorny", "spiked"),
    "ribbed": ("ribbed", "fluted", "grooved"),
    "cracked": ("cracked", "fractured"),
    "wrinkled": ("wrinkled", "crumpled", "wrinkly"),
}
PATTERN_FORMS = {
    "stripes": ("{a} and {b} striped {n}", "{n} with {a} and {b} stripes", "{a} and {b} stripes"),
    "dots": ("{a} {n} with {b} dots", "{a} {n} with {b} polka dots", "{b} dots on {a}", "{a} {n} with {b} spots"),
    "checks": (
        "{a} and {b} checkered {n}",
        "{a} and {b} chequered {n}",
        "{n} with {a} and {b} checks",
        "{a} and {b} checkerboard",
    ),
    "zigzag": ("{a} and {b} zigzag {n}", "{n} with {a} and {b} zigzags", "{n} with {a} and {b} zigzag pattern"),
    "plaid": ("{a} and {b} plaid {n}", "{n} with {a} and {b} plaid", "{a} and {b} tartan {n}"),
    "mottled": (
        "mottled {a} and {b} {n}",
        "cloudy {a} and {b} {n}",
        "blurry {a} and {b} {n}",
        "{n} with {a} and {b} noise",
    ),
    "patches": (
        "{n} with {a} and {b} patches",
        "{a} and {b} patches",
        "{n} with {a} and {b} blotches",
        "patchy {a} and {b} {n}",
    ),
    "zebra": ("zebra {n}", "zebra striped {n}", "{n} with zebra stripes", "{n} made of zebra skin", "zebra print {n}"),
    "leopard": ("leopard {n}", "leopard spotted {n}", "{n} with leopard spots", "leopard print {n}", "cheetah {n}"),
    "camouflage": ("camouflage {n}", "camouflaged {n}", "{n} with camouflage pattern", "army camouflage {n}"),
}
SHAPE_NOUNS = {
    "sphere": ("sphere", "ball", "orb"),
    "egg": ("egg",),
    "box": ("box", "cube", "block", "crate"),
    "torus": ("torus", "ring", "donut"),
    "capsule": ("capsule", "pill"),
    "vase": ("vase", "jar", "urn", "pot", "lamp"),
    "bottle": ("bottle", "flask"),
    "candle": ("candle", "candlestick", "lamp"),
    "cylinder": ("cylinder", "can", "barrel", "column"),
    "cone": ("cone", "hat", "tower"),
    "bowl": ("bowl", "cup", "mug"),
    "animal": ("horse", "cow", "dog", "cat", "donkey", "pig", "sheep", "animal", "bull", "goat", "deer"),
    "figure": ("person", "man", "woman", "robot", "alien", "figure", "statue", "doll", "monster"),
    "blob": ("blob", "object"),
    "chair": ("chair", "table", "stool", "bench", "sofa"),
}
OTHER_NOUNS = tuple(
    """
    object thing shape model mesh sculpture figurine toy bird duck owl eagle chicken fish shark whale turtle frog
    lizard snake dragon dinosaur elephant lion tiger bear wolf fox rabbit bunny mouse squirrel monkey gorilla camel
    giraffe hippo rhino bee spider crab snail car truck bus train plane airplane ship boat bicycle motorcycle rocket
    tank wheel house castle bridge church temple door window stairs bed desk lamp wardrobe shelf couch piano guitar
    violin drum phone computer camera clock watch book pen shoe boot sneaker glove shirt dress helmet crown mask bag
    backpack purse umbrella sword shield hammer axe knife spoon fork plate teapot kettle basket bucket vessel goblet
    apple pear banana pumpkin mushroom carrot cake bread pizza flower rose tree leaf plant mountain island planet
    moon star heart skull head face bust hand foot body wizard knight ninja astronaut king queen child baby angel
    ghost hulk eiffel statue pyramid pillar fountain anchor bell key gear part fandisk armadillo max spot teddy
    """.split()  # noqa: SIM905 (two hundred quoted words would be harder to read)
)
PREFIXES = (
    "", "", "", "an image of ", "a picture of ", "a photo of ", "a 3D rendering of ", "a rendering of ",
    "a 3D render of ", "a 3D model of ",
)  # fmt: skip
SUFFIXES = (" in unreal engine", " on a white background", " on white")
MATERIAL_FORMS = (
    "{n} made of {m}", "{n} made of {m}", "{n} made of {m}", "{n} made out of {m}", "{m} {n}", "{m} {n}", "{n} of {m}",
    "{n} covered in {m}", "{n} covered with {m}", "{n} built from {m}", "{n} in {m}", "{n} with {m} texture",
)  # fmt: skip


def noun(rng: Generator, shape: int) -> str:
    """Draw the object's noun: its own, a general one, or any other."""
    draw = rng.random()
    if draw < 0.4:
        words = SHAPE_NOUNS[SHAPES[shape]]
    elif draw < 0.55:
        words = ("object", "thing", "shape", "model")
    else:
        words = OTHER_NOUNS
    return words[rng.integers(len(words))]


def pick(rng: Generator, words: tuple[str, ...]) -> str:
    """Draw one of the words."""
    return words[rng.integers(len(words))]


def with_article(phrase: str) -> str:
    """Put the indefinite article before a phrase."""
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def surface_phrase(rng: Generator, name: str, color: str, n: str) -> str:
    """Return a phrase for a material, tinted if a colour is given."""
    if color:
        words = TINTED_WORDS.get(name, MATERIAL_WORDS[name][:1])
        m = pick(rng, words)
        form = pick(rng, ("{n} made of {c} {m}", "{c} {n} made of {m}", "{c} {m} {n}", "{n} covered in {c} {m}"))
        if name in ADJECTIVES and rng.random() < 0.2:
            form, m = "{c} {m} {n}", pick(rng, ADJECTIVES[name])
        return form.format(n=n, c=color, m=m)
    if name in ADJECTIVES and rng.random() < 0.25:
        return f"{pick(rng, ADJECTIVES[name])} {n}"
    return pick(rng, MATERIAL_FORMS).format(n=n, m=pick(rng, MATERIAL_WORDS[name]))


def caption(rng: Generator, labels: Labels, shape: int) -> str:
    """Draw a caption for a surface, its colours and its geometry, with some noun for the shape."""
    surface, color, second, geometry = (int(label) for label in labels)
    names = tuple(COLORS)
    name, n = SURFACES[surface], noun(rng, shape)
    first = pick(rng, COLOR_WORDS[names[color]]) if color >= 0 else ""
    other = pick(rng, COLOR_WORDS[names[second]]) if second >= 0 else ""
    shown = GEOMETRIES[geometry] if geometry or rng.random() < 0.08 else ""
    adjective = pick(rng, GEOMETRY_WORDS[shown]) if shown else ""
    if name in PATTERN_FORMS:
        a, b = (other, first) if other and name != "dots" and rng.random() < 0.5 else (first, other)
        phrase = pick(rng, PATTERN_FORMS[name]).format(a=a, b=b, n=n)
        return finish(rng, phrase, bare=phrase.endswith(("stripes", "patches")) and n not in phrase)
    if name == "plain":
        if rng.random() < 0.15:
            phrase = f"{adjective} {n} painted {first}".strip()
        else:
            order = (first, adjective, n) if rng.random() < 0.4 else (adjective, first, n)
            phrase = " ".join(word for word in order if word)
        if rng.random() < 0.08:
            return f"{adjective} {first}".strip()
        return finish(rng, phrase, bare=False)
    if rng.random() < 0.15 and not adjective:
        words = TINTED_WORDS.get(name, MATERIAL_WORDS[name][:1]) if first else MATERIAL_WORDS[name]
        return finish(rng, f"{first} {pick(rng, words)}".strip(), bare=True)
    phrase = surface_phrase(rng, name, first, n)
    return finish(rng, f"{adjective} {phrase}".strip(), bare=False)


def finish(rng: Generator, phrase: str, *, bare: bool) -> str:
    """Add article, prefix and suffix."""
    if not bare and rng.random() < 0.92:
        phrase = with_article(phrase)
    phrase = pick(rng, PREFIXES) + phrase
    return phrase + (pick(rng, SUFFIXES) if rng.random() < 0.08 else "")


def canonical(labels: Labels, n: str = "object") -> str:
    """Return the plainest caption, as used in evaluation."""
    surface, color, second, geometry = (int(label) for label in labels)
    names, name = tuple(COLORS), SURFACES[surface]
    first, other = (names[c] if c >= 0 else "" for c in (color, second))
    if name in PATTERN_FORMS:
        return with_article(PATTERN_FORMS[name][0].format(a=first, b=other, n=n))
    adjective = f"{GEOMETRY_WORDS[GEOMETRIES[geometry]][0]} " if geometry else ""
    if name == "plain":
        return with_article(f"{adjective}{first} {n}")
    return with_article(f"{adjective}{n} made of {first} {MATERIAL_WORDS[name][0]}".replace("  ", " "))


def phrases() -> Iterator[str]:
    """Yield every piece of text from which captions are built."""
    for table in (COLOR_WORDS, MATERIAL_WORDS, TINTED_WORDS, ADJECTIVES, GEOMETRY_WORDS, PATTERN_FORMS, SHAPE_NOUNS):
        for words in table.values():
            yield from words
    yield from (*OTHER_NOUNS, *PREFIXES, *SUFFIXES, *MATERIAL_FORMS, "a an painted covered in made of the and with on")


def known() -> dict[str, list[str]]:
    """Return the words that mean something to the model, by kind; nouns for the object are not among them."""
    materials = {word for words in (*MATERIAL_WORDS.values(), *TINTED_WORDS.values()) for word in words}
    return {
        "colours": [word for words in COLOR_WORDS.values() for word in words],
        "materials": sorted(materials),
        "patterns": [name for name in SURFACES if name in PATTERN_FORMS],
        "geometries": [word for words in GEOMETRY_WORDS.values() for word in words],
    }


def vocabulary() -> tuple[str, ...]:
    """Return every word of the grammar, lower-case and sorted."""
    text = " ".join(re.sub(r"{\w}", " ", phrase) for phrase in phrases()).lower()
    return tuple(sorted(set(re.findall(r"[a-z0-9]+", text))))
