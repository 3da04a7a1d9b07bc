"""Train the bundled CLIP `mini`: render the picture world, train, evaluate, write the weights.

    python scripts/train_mini_clip.py --minutes 60

The run is resumable: called again, it goes on from its last checkpoint; with more --minutes it trains longer.
Method: CLIP (Radford et al. 2021) with ModifiedResNet towers, several positives per caption (Khosla et al. 2020,
"Supervised contrastive learning"), auxiliary attribute heads, near-miss captions, and a moving average of the weights.
"""

import argparse
import copy
import functools
import hashlib
import json
import math
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from open_clip.model import CLIP
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from restyle_server.models.clip import ClipEncoder

sys.path.insert(0, str(Path(__file__).parent))
from mini_world import evaluate, grammar, recipe, store
from mini_world.augment import augment
from mini_world.mine import mine
from mini_world.palettes import IMITATED
from mini_world.scene import GEOMETRIES, SHAPES
from mini_world.surface import SURFACES, Surface
from mini_world.tokens import CONTEXT, UNKNOWN, CompactTokenizer

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "mini_clip"
PACKAGE = ROOT / "server" / "restyle_server" / "models" / "mini"
SIZE, BATCH, LEARNING_RATE, WARMUP = 64, 128, 2e-3, 0.03
AVERAGE_EVERY, HEADS_WEIGHT = 5, 2.0
MINED_AFTER, MINED_RUNS = 0.4, 28
FINAL_SHARE, FINAL_RATE = 0.2, 1e-3
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
# Surfaces that are taken for each other, most of all by an optimiser: one batch in three comes from one family.
FAMILIES = (
    ("brick", "copper", "rust", "strawberry", "plain", "mottled", "patches", "mosaic", "checks", "leather"),
    ("gold", "cheese", "honeycomb", "sand", "plain", "mottled", "patches", "copper", "wicker", "lava"),
    ("wood", "bark", "leather", "chocolate", "wicker", "rope", "fur", "plain", "mottled", "stripes"),
    ("moss", "grass", "cactus", "watermelon", "scales", "plain", "camouflage", "mottled"),
    ("stone", "cobblestone", "granite", "concrete", "marble", "silver", "snow", "paper", "plain", "mottled"),
    ("water", "ice", "clouds", "denim", "galaxy", "crystal", "plain", "mottled", "scales"),
    ("stripes", "dots", "checks", "zigzag", "plaid", "mottled", "patches", "zebra"),
)


def model_config(vocabulary: int) -> dict[str, object]:
    """Return the open_clip configuration of mini for a vocabulary size."""
    return {
        "embed_dim": 128,
        "vision_cfg": {"image_size": SIZE, "layers": [1, 1, 1, 1], "width": 24, "patch_size": None},
        "text_cfg": {"context_length": CONTEXT, "vocab_size": vocabulary, "width": 64, "heads": 4, "layers": 2},
    }


class Batches:
    """Draws training batches: pictures, captions, near-miss captions and labels."""

    def __init__(self, folder: Path, seed: int, extra: tuple[str, ...] = ()) -> None:
        self.keeps_back = not extra
        names = [name for name in ("train", "imitations", "mined", *extra) if store.exists(folder, name)]
        parts = [store.load(folder, name) for name in names]
        self.pictures = [pictures for pictures, _ in parts]
        self.scenes = np.concatenate([scenes for _, scenes in parts])
        self.starts = np.cumsum([0] + [len(scenes) for _, scenes in parts])
        self.mined = np.arange(*self.starts[2:4]) if "mined" in names else np.empty(0, int)
        self.labels = recipe.labels_of(self.scenes)
        self.numpy_rng = np.random.default_rng(seed)
        self.torch_rng = torch.Generator().manual_seed(seed)
        self.tokenizer = CompactTokenizer()
        weight = np.array([recipe.MATERIAL_WEIGHT.get(n, 1.0) for n in IMITATED])
        self.importance = weight / weight.sum()
        self.families = [np.flatnonzero(np.isin(self.labels[:, 0], [SURFACES.index(n) for n in f])) for f in FAMILIES]
        self.kinds = [np.flatnonzero(self.scenes["kind"] == k) for k in range(len(recipe.KINDS))]
        # Where all have one colour, only material or geometry can tell them apart.
        tinted = self.scenes["kind"] == recipe.KINDS.index("tinted")
        plain = self.scenes["kind"] == recipe.KINDS.index("color")
        colors = range(len(recipe.COLOR_NAMES))
        self.one_color = [np.flatnonzero(kind & (self.labels[:, 1] == c)) for kind in (tinted, plain) for c in colors]
        real = (self.scenes["imitates"] == 0) & (self.labels[:, 1] < 0) & (self.labels[:, 3] == 0)
        named = [Surface[n.upper()] for n in IMITATED]
        self.imitated = [np.flatnonzero(real & (self.labels[:, 0] == n)) for n in named]
        self.imitations = [np.flatnonzero(self.scenes["imitates"] == n) for n in named]

    def rows(self) -> np.ndarray:
        """Draw picture numbers: from everything, pictures that have much in common, or materials beside imitations."""
        rng = self.numpy_rng
        draw = rng.random()
        if draw < 0.40:
            return np.sort(rng.integers(len(self.labels), size=BATCH))
        if draw < 0.80:
            pools = self.families if draw < 0.52 else self.kinds if draw < 0.56 else self.one_color
            return np.sort(rng.choice(pools[rng.integers(len(pools))], BATCH))
        if draw < 0.86 and len(self.mined):
            return np.sort(
                np.concatenate([rng.choice(self.mined, BATCH // 2), rng.integers(self.starts[2], size=BATCH // 2)])
            )
        # Four materials at a time, so that in each the structure alone decides.
        chosen = rng.choice(len(self.imitated), 4, replace=False, p=self.importance)
        pools = [pool[k] for k in chosen for pool in (self.imitated, self.imitations)]
        return np.sort(np.concatenate([rng.choice(pool, BATCH // len(pools)) for pool in pools]))

    def read(self, rows: np.ndarray) -> Tensor:
        """Return pictures (N, S, S, 3) uint8 by number."""
        parts = [
            pictures[rows[(rows >= start) & (rows < end)] - start]
            for pictures, start, end in zip(self.pictures, self.starts[:-1], self.starts[1:], strict=True)
        ]
        return torch.from_numpy(np.concatenate(parts))

    def near_miss(self, row: np.ndarray) -> np.ndarray:
        """Return a label tuple that differs from `row` in one attribute and is not held out."""
        rng = self.numpy_rng
        for _ in range(8):
            other, attribute = row.copy(), rng.integers(4)
            if attribute == 0:
                other[0] = self.labels[rng.integers(len(self.labels)), 0]
                if SURFACES[other[0]] in recipe.TWO_COLOR + recipe.BLOTCH and row[2] < 0:
                    continue
                if SURFACES[other[0]] == "plain" and row[1] < 0:
                    continue
            elif attribute in (1, 2) and row[attribute] >= 0:
                other[attribute] = rng.integers(len(recipe.COLOR_NAMES))
            elif attribute == 3 and row[2] < 0:
                other[3] = rng.integers(len(GEOMETRIES))
            swapped = other[2] >= 0 and other[1] == other[2]
            if not swapped and (other != row).any() and not (self.keeps_back and recipe.held_out(other)):
                return self.ordered(other)
        return np.asarray(self.labels[rng.integers(len(self.labels))])

    @staticmethod
    def ordered(row: np.ndarray) -> np.ndarray:
        """Sort the two colours where their order has no meaning."""
        if row[2] >= 0 and SURFACES[row[0]] != "dots":
            row[1:3] = np.sort(row[1:3])
        return row

    def draw(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return images (B, 3, R, R), text rows (T, 32), labels (B, 4), label tuples of texts (T, 4), shapes (B,)."""
        rows = self.rows()
        labels = self.labels[rows]
        missed = np.stack([self.near_miss(row) for row in labels])
        texts = np.concatenate([labels, missed])
        shapes = self.scenes["shape"][rows].astype(np.int64)
        captions = [
            grammar.caption(self.numpy_rng, t, int(s))
            for t, s in zip(texts, np.concatenate([shapes, shapes]), strict=True)
        ]
        images = augment(self.read(rows), SIZE, self.torch_rng)
        tokens = self.tokenizer(captions, self.numpy_rng)
        return images, tokens, torch.from_numpy(labels), torch.from_numpy(texts), torch.from_numpy(shapes)


class Heads(nn.Module):
    """Linear classifiers of surface, colours, geometry and shape on the image embedding; not kept afterwards."""

    def __init__(self, width: int) -> None:
        super().__init__()
        colors = len(recipe.COLOR_NAMES) + 1
        sizes = (len(SURFACES), colors, colors, len(GEOMETRIES), len(SHAPES))
        self.layers = nn.ModuleList(nn.Linear(width, n) for n in sizes)

    def loss(self, features: Tensor, labels: Tensor, shapes: Tensor) -> Tensor:
        """Return the mean cross-entropy; colour -1 is a class of its own."""
        targets = torch.cat([labels[:, :1], labels[:, 1:3] + 1, labels[:, 3:], shapes[:, None]], 1)
        losses = [F.cross_entropy(layer(features), targets[:, k]) for k, layer in enumerate(self.layers)]
        return torch.stack(losses).mean()


def encode_short(model: CLIP, tokens: Tensor) -> Tensor:
    """Encode texts up to the longest one's end; causal attention makes this equal to encoding all 32 positions."""
    length = int((tokens != 0).sum(1).max())
    tokens = tokens[:, :length]
    x = model.token_embedding(tokens) + model.positional_embedding[:length]
    # Flash attention on a CPU takes ten times as long for sequences this short.
    with sdpa_kernel(SDPBackend.MATH):
        x = model.ln_final(model.transformer(x, attn_mask=model.attn_mask[:length, :length]))
    embeddings: Tensor = x[torch.arange(len(x)), tokens.argmax(-1)] @ model.text_projection
    return embeddings


def contrastive_loss(images: Tensor, texts: Tensor, scale: Tensor, labels: Tensor, text_labels: Tensor) -> Tensor:
    """Return the symmetric contrastive loss in which equal label tuples are positives of each other."""
    same = (labels[:, None] == text_labels[None]).all(-1).float()
    logits = scale * F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1).T
    to_text = -(same / same.sum(1, keepdim=True) * logits.log_softmax(1)).sum(1).mean()
    count = len(images)
    own = same[:, :count]
    to_image = -(own / own.sum(0, keepdim=True) * logits[:, :count].log_softmax(0)).sum(0).mean()
    return 0.5 * (to_text + to_image)


class Trainer:
    """Model, heads, optimiser and moving average on one device, with a checkpoint in safetensors.

    On a CPU every core takes a part of each batch: that keeps them busier than several threads in every operation.
    """

    def __init__(self, vocabulary: int, seed: int, device: torch.device) -> None:
        torch.manual_seed(seed)
        self.device = device
        self.parts = min(os.cpu_count() or 1, 4) if device.type == "cpu" else 1
        self.pool = ThreadPoolExecutor(self.parts)
        self.model = CLIP(**model_config(vocabulary)).to(device, memory_format=torch.channels_last)
        self.heads = Heads(128).to(device)
        self.average = CLIP(**model_config(vocabulary)).to(device, memory_format=torch.channels_last).eval()
        self.average.load_state_dict(self.model.state_dict())
        self.named = dict(self.model.named_parameters()) | {f"heads.{n}": p for n, p in self.heads.named_parameters()}
        decayed = [p for p in self.named.values() if p.ndim > 1]
        plain = [p for p in self.named.values() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=(0.9, 0.98), fused=True)
        self.mean, self.std = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (MEAN, STD))
        self.step, self.seconds = 0, 0.0

    def train_step(self, batch: tuple[Tensor, ...], rate: float) -> float:
        """Take one step at a learning rate and return the contrastive loss."""
        images, tokens, labels, text_labels, shapes = (tensor.to(self.device) for tensor in batch)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        images = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        embedded = list(self.pool.map(self.embed, images.chunk(self.parts)))
        features = torch.cat([part.detach() for part in embedded]).requires_grad_()
        texts = encode_short(self.model, tokens)
        loss = contrastive_loss(features, texts, self.model.logit_scale.exp(), labels, text_labels)
        (loss + HEADS_WEIGHT * self.heads.loss(features, labels, shapes)).backward()  # type: ignore[no-untyped-call]
        assert features.grad is not None
        weights = list(self.model.visual.parameters())
        slopes = self.pool.map(
            lambda part, slope: torch.autograd.grad(part, weights, slope), embedded, features.grad.chunk(self.parts)
        )
        for found in slopes:
            for weight, slope in zip(weights, found, strict=True):
                weight.grad = slope if weight.grad is None else weight.grad + slope
        nn.utils.clip_grad_norm_(self.named.values(), 1.0)
        self.optimizer.step()
        with torch.no_grad():
            self.model.logit_scale.clamp_(max=math.log(50.0))
            self.model.token_embedding.weight[UNKNOWN] = 0.0
            if self.step % AVERAGE_EVERY == 0:
                self.follow(min(0.99, (1 + self.step) / (10 + self.step)))
        self.step += 1
        return loss.item()

    def embed(self, images: Tensor) -> Tensor:
        """Return the embeddings of normalised pictures, computed in bfloat16."""
        with torch.autocast(self.device.type, torch.bfloat16):
            features: Tensor = self.model.encode_image(images)
        return features.float()

    def follow(self, decay: float) -> None:
        """Move the average towards the model."""
        for ours, theirs in zip(self.average.state_dict().values(), self.model.state_dict().values(), strict=True):
            if ours.dtype.is_floating_point:
                ours.lerp_(theirs, 1 - decay)
            else:
                ours.copy_(theirs)

    def tensors(self) -> dict[str, Tensor]:
        """Return everything a checkpoint holds, by name."""
        out = {f"model.{n}": t for n, t in self.model.state_dict().items()}
        out |= {f"average.{n}": t for n, t in self.average.state_dict().items()}
        out |= {f"heads.{n}": t for n, t in self.heads.state_dict().items()}
        for name, parameter in self.named.items():
            for key, value in self.optimizer.state[parameter].items():
                out[f"optimizer.{name}.{key}"] = value
        return out

    def save(self, path: Path) -> None:
        """Write the checkpoint atomically."""
        tensors = {n: t.detach().clone().contiguous() for n, t in self.tensors().items()}
        write_atomically(path, tensors, {"step": str(self.step), "seconds": str(self.seconds)})

    def load(self, path: Path) -> None:
        """Restore a checkpoint."""
        with safe_open(path, "pt") as file:
            tensors = {n: file.get_tensor(n) for n in file.keys()}  # noqa: SIM118 (not a dict)
            self.step, self.seconds = int(file.metadata()["step"]), float(file.metadata()["seconds"])
        for prefix, module in (("model.", self.model), ("average.", self.average), ("heads.", self.heads)):
            module.load_state_dict({n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)})
        for name, parameter in self.named.items():
            keys = ("step", "exp_avg", "exp_avg_sq")
            self.optimizer.state[parameter] = {k: tensors[f"optimizer.{name}.{k}"] for k in keys}


def write_atomically(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file so that readers see the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    save_file(tensors, partial, metadata)
    partial.chmod(0o644)  # safetensors writes for the owner alone; the package is for everyone
    partial.replace(path)


def recipe_hash() -> str:
    """Return a hash of the sources that determine the data and the training."""
    digest = hashlib.sha256()
    for source in [*sorted((ROOT / "scripts" / "mini_world").glob("*.py")), Path(__file__)]:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def encoders(model: CLIP, tokenizer: CompactTokenizer) -> tuple[evaluate.Encode, evaluate.EncodeText]:
    """Return picture and text encoders of a compact model."""
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))
    return lambda x: model.encode_image((x - mean) / std), lambda captions: model.encode_text(tokenizer(captions))


def composition(trainer: Trainer, tokenizer: CompactTokenizer, folder: Path) -> dict[str, float]:
    """Return the scores of the averaged model while there are combinations that it has not seen; measured once."""
    path = folder / "composition.json"
    if not path.exists():
        scores = evaluate.score(folder, *encoders(copy.deepcopy(trainer.average).cpu(), tokenizer), SIZE)
        path.write_text(json.dumps(scores))
    found: dict[str, float] = json.loads(path.read_text())
    return found


def measure(
    trainer: Trainer, tokenizer: CompactTokenizer, folder: Path, composed: dict[str, float]
) -> dict[str, object]:
    """Return the averaged model's scores, and the share of right answers per word, on pictures it has not seen."""
    model, heads = copy.deepcopy(trainer.model).cpu().eval(), copy.deepcopy(trainer.heads).cpu()
    encode = encoders(copy.deepcopy(trainer.average).cpu(), tokenizer)
    scores = evaluate.score(folder, *encode, SIZE)
    words = evaluate.by_word(folder, *encode, SIZE)
    pictures, scenes = store.load(folder, "test")
    mean, std = trainer.mean.cpu(), trainer.std.cpu()
    # Captions hardly speak of shapes; what the picture tower sees of them, the head that it was trained with tells.
    with torch.no_grad():
        parts = torch.split(evaluate.small(pictures, SIZE), 250)
        seen = torch.cat([model.encode_image((part - mean) / std) for part in parts])
        named = heads.layers[4](seen).argmax(1)
    scores["shape_by_head"] = float((named == torch.from_numpy(scenes["shape"].astype(np.int64))).float().mean())
    return {
        "scores": {name: round(value, 4) for name, value in scores.items()},
        "scores_before_final_stage": {name: round(value, 4) for name, value in composed.items()},
        "words_right": {title: {w: round(v, 2) for w, v in table.items()} for title, table in words.items()},
    }


def export(
    trainer: Trainer, tokenizer: CompactTokenizer, folder: Path, measured: dict[str, object], pictures: int
) -> None:
    """Write the averaged model over the full vocabulary as fp16, with words and scores in the file's metadata."""
    state = {n: t.detach().cpu().clone().contiguous() for n, t in trainer.average.state_dict().items()}
    state["token_embedding.weight"] = tokenizer.scatter(state["token_embedding.weight"])
    state = {n: t.half() if t.dtype.is_floating_point else t for n, t in state.items()}
    metadata = {
        "words": " ".join(grammar.vocabulary()),
        "knows": json.dumps(grammar.known()),
        **{name: json.dumps(table) for name, table in measured.items()},
        "recipe": recipe_hash(),
        "steps": str(trainer.step),
        "pictures": str(pictures),
    }
    config = model_config(tokenizer.full.vocab_size)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    write_atomically(folder / "mini.safetensors", state, metadata)


@dataclass(frozen=True)
class Schedule:
    """A learning rate that warms up to `peak` and falls to nothing by a cosine, over minutes of training."""

    start: float
    end: float
    peak: float

    def rate(self, minute: float) -> float:
        """Return the learning rate at a minute of training."""
        progress = min((minute - self.start) / (self.end - self.start), 1.0)
        return self.peak * min(progress / WARMUP + 0.02, 0.5 * (1 + math.cos(math.pi * progress)))


def train(trainer: Trainer, batches: Batches, schedule: Schedule, until: float, checkpoint: Path) -> None:
    """Train until `until` minutes of wall-clock time have been spent in all."""
    started, before, last_save = time.monotonic(), trainer.seconds, time.monotonic()
    trainer.model.train()
    losses: list[float] = []
    with ThreadPoolExecutor(1) as pool:
        upcoming = pool.submit(batches.draw)
        while trainer.seconds < 60 * until:
            batch, upcoming = upcoming.result(), pool.submit(batches.draw)
            losses.append(trainer.train_step(batch, schedule.rate(trainer.seconds / 60)))
            trainer.seconds = before + time.monotonic() - started
            if trainer.step % 50 == 0:
                speed = BATCH * len(losses) / (trainer.seconds - before)
                minute, loss = trainer.seconds / 60, np.mean(losses[-50:])
                print(f"step {trainer.step}  {minute:.1f} min  loss {loss:.3f}  {speed:.0f}/s", flush=True)
            if time.monotonic() - last_save > 60:
                trainer.save(checkpoint)
                last_save = time.monotonic()
    trainer.save(checkpoint)


def half_trained(trainer: Trainer, tokenizer: CompactTokenizer) -> ClipEncoder:
    """Return a copy of the averaged model as the stylizer takes encoders."""
    model = copy.deepcopy(trainer.average)
    return ClipEncoder("half-trained", model, tokenizer, device=trainer.device, is_stand_in=True)


def render_world(folder: Path, count: int) -> None:
    """Render what is missing: the training pictures, imitations of materials, and a test set of each."""
    store.extend(folder, "train", count, 1000, recipe.draw_scenes)
    store.extend(folder, "imitations", count // 5, 2_000_000, recipe.draw_imitations)
    store.extend(folder, "test", 4000, 900_000, functools.partial(recipe.draw_scenes, held_share=0.5))
    store.extend(folder, "test_imitations", 2000, 2_900_000, recipe.draw_imitations)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="training time in all, checkpoints included")
    parser.add_argument(
        "--pictures",
        type=int,
        default=90_000,
        help="training pictures (28 kB each); plus a fifth of imitations",
    )
    parser.add_argument("--work", type=Path, default=WORK, help="folder for pictures and checkpoint")
    parser.add_argument("--out", type=Path, default=PACKAGE, help="folder for mini.safetensors and config.json")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    render_world(args.work, args.pictures)
    checkpoint = args.work / "checkpoint.safetensors"
    tokenizer = CompactTokenizer()
    torch.set_num_threads(1)
    trainer = Trainer(len(tokenizer), args.seed, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    if checkpoint.exists():
        trainer.load(checkpoint)
    # A resumed run draws new batches, not the first ones again.
    seed = args.seed + 7919 * trainer.step
    schedule = Schedule(0, args.minutes, LEARNING_RATE)
    train(trainer, Batches(args.work, seed), schedule, MINED_AFTER * args.minutes, checkpoint)
    if not store.exists(args.work, "mined"):
        mine(half_trained(trainer, tokenizer), MINED_RUNS, args.seed, args.work)
    train(trainer, Batches(args.work, seed + 1), schedule, args.minutes, checkpoint)
    composed = composition(trainer, tokenizer, args.work)
    # How well it composes is known now; what is shipped has seen every combination.
    store.extend(
        args.work, "held_out", args.pictures // 8, 3_000_000, functools.partial(recipe.draw_scenes, held_share=1.0)
    )
    end = args.minutes * (1 + FINAL_SHARE)
    batches = Batches(args.work, seed + 2, ("held_out",))
    train(trainer, batches, Schedule(args.minutes, end, FINAL_RATE), end, checkpoint)
    measured = measure(trainer, tokenizer, args.work, composed)
    export(trainer, tokenizer, args.out, measured, len(batches.labels))
    print(json.dumps(measured, indent=2))


if __name__ == "__main__":
    main()
