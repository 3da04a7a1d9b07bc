"""Several models in one, such as the styles of all variations and objects of a job: what they share is in it once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from .errors import BadInputError
from .kinds.model import Model

MAX_MODELS = 256  # of which the plain data still fit into one


def joined(models: Sequence[Model]) -> Model:
    """One model of several, at most 256; arrays of the same bits and shape are stored once."""
    arrays, members = {}, []
    for model in models:
        names = {}
        for name, array in model.arrays.items():
            kept = np.ascontiguousarray(array)
            about = f"{kept.dtype.str}{kept.shape}".encode()
            key = hashlib.sha256(about + kept.tobytes()).hexdigest()[:32]
            arrays[key], names[name] = array, key
        members.append({"arrays": names, "metadata": dict(model.metadata)})
    return Model(arrays, {"models": members})


def separate(model: Model) -> list[Model]:
    """The models that `joined` made one of; BadInputError for one that is not made of several."""
    try:
        return [
            Model({name: model.arrays[key] for name, key in member["arrays"].items()}, member["metadata"])
            for member in model.metadata["models"]
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise BadInputError("model: this is not a set of several models.") from error
