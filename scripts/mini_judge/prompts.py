"""The fixed list of 24 prompts, and what the judge may take a picture for besides them."""

PROMPTS = {
    "brick": "a {} made of brick",
    "blue brick": "a {} made of blue brick",
    "wood": "a {} made of wood",
    "gold": "a {} made of gold",
    "cobblestone": "a {} made of cobblestone",
    "marble": "a {} made of marble",
    "ice": "a {} made of ice",
    "lava": "a {} made of lava",
    "moss": "a {} made of moss",
    "wicker": "a {} made of wicker",
    "chocolate": "a {} made of chocolate",
    "honeycomb": "a {} made of honeycomb",
    "denim": "a {} made of denim",
    "strawberry": "a {} made of strawberry",
    "watermelon": "a {} made of watermelon",
    "scales": "a {} made of snake scales",
    "mosaic": "a {} made of mosaic tiles",
    "camouflage": "a camouflage {}",
    "zebra": "a zebra {}",
    "leopard": "a leopard {}",
    "stripes": "a red and white striped {}",
    "checks": "a black and white checkered {}",
    "dots": "a yellow {} with blue dots",
    "zigzag": "a green and white zigzag {}",
}
NAMES = tuple(PROMPTS)
# What an optimiser paints instead: one colour, blurred or sharp blotches in a prompt's colours, a prompt's structure in
# colours that are not its own.
DISTRACTORS = ("plain", "mottled", "patches", "miscoloured")
CLASSES = (*NAMES, *DISTRACTORS)
