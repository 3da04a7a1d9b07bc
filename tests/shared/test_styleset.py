"""Several models in one, and out of it again to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from restyle.errors import BadInputError
from restyle.kinds import kind
from restyle.kinds.model import Model
from restyle.styleset import joined, separate


def models():
    random = np.random.default_rng(0)
    shared = random.standard_normal((300, 40)).astype(np.float32)
    same_bits = {"a": np.zeros(4, np.float32), "b": np.zeros(4, np.int32), "c": np.zeros((2, 2), np.float32)}
    return [
        Model({"field": shared, "scale": np.float64([1.5])}, {"about": {"seed": 1}, "look": 0}),
        Model({"field": shared.copy(), "scale": np.float64([-2.0])}, {"about": {"seed": 1}, "look": 1}),
        Model(same_bits | {"nothing": np.zeros((0, 3), np.int8)}, {}),
    ]


def test_they_come_out_as_they_went_in_also_over_the_wire():
    made = joined(models())
    kind("model").validate(made)
    back = separate(kind("model").unpack(kind("model").pack(made)))
    assert [model.metadata for model in back] == [model.metadata for model in models()]
    for one, other in zip(back, models(), strict=True):
        assert one.arrays.keys() == other.arrays.keys()
        for name, array in other.arrays.items():
            assert one.arrays[name].dtype == array.dtype
            assert np.array_equal(one.arrays[name], array)
            assert one.arrays[name].shape == array.shape


def test_what_they_share_is_stored_once():
    first, second, _ = models()
    alone, both = (len(kind("model").pack(joined(some)).arrays["file"]) for some in ([first], [first, second]))
    assert both < alone + 2000 < alone + first.arrays["field"].nbytes


@pytest.mark.parametrize("metadata", [{}, {"models": 3}, {"models": [{"arrays": {"x": "gone"}, "metadata": {}}]}])
def test_a_model_that_is_no_set_is_refused(metadata):
    with pytest.raises(BadInputError, match="not a set"):
        separate(Model({"x": np.zeros(1)}, metadata))
