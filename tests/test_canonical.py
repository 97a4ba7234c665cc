"""Equal things have equal hashes, different things different ones, on every machine."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from radstore.canonical import canonical, digest_of, digest_of_array, digest_of_file

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
ARRAYS = hnp.arrays(
    dtype=st.sampled_from(["u1", "<i2", "<i4", "<f4", "<f8"]),
    shape=hnp.array_shapes(min_dims=1, max_dims=4, max_side=5),
)


@given(PLAIN)
def test_what_it_says_can_be_read_back(value: Any) -> None:
    assert json.loads(canonical(value)) == value


@given(st.dictionaries(st.text(), PLAIN))
def test_the_order_of_keys_does_not_count(value: dict[str, Any]) -> None:
    assert digest_of(dict(reversed(value.items()))) == digest_of(value)


@given(PLAIN, PLAIN)
def test_equal_hashes_mean_the_same_json(one: Any, other: Any) -> None:
    assert (digest_of(one) == digest_of(other)) == (canonical(one) == canonical(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [(4, 4.0), (1, True), (0, False), (0.0, -0.0), (None, ""), ("1", 1), (0.1, 0.1 + 2**-56), ([1], [[1]])],
)
def test_what_is_kept_apart(one: Any, other: Any) -> None:
    assert digest_of(one) != digest_of(other)


def test_a_list_is_a_tuple_and_text_is_utf8() -> None:
    assert digest_of([1, "ä"]) == digest_of((1, "ä"))
    assert canonical("ä") == '"ä"'.encode()
    assert canonical({"b": [1, 2.5], "a": None}) == b'{"a":null,"b":[1,2.5]}'


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", np.int16(3), np.zeros(2), object()])
def test_what_is_no_plain_json_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical(value)


def test_hashes_are_the_same_for_ever() -> None:
    """Every key in every store depends on these two functions."""
    assert digest_of({"a": [1, 2.5, None, "x"]})[:16] == "629bba16e68e57c0"  # of {"a":[1,2.5,null,"x"]}
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    assert digest_of_array(array, {"spacing": [1.0, 2.0]})[:16] == "7f115533612ec3c8"


@given(ARRAYS)
def test_how_an_array_lies_in_memory_does_not_count(array: np.ndarray) -> None:
    digest = digest_of_array(array)
    assert digest_of_array(np.asfortranarray(array)) == digest
    assert digest_of_array(array.astype(array.dtype.newbyteorder(">"))) == digest
    spread = np.zeros((2 * array.shape[0], *array.shape[1:]), array.dtype)
    spread[::2] = array
    assert digest_of_array(spread[::2]) == digest
    readonly = array.copy()
    readonly.flags.writeable = False
    assert digest_of_array(readonly) == digest


@given(ARRAYS, st.data())
def test_every_value_counts(array: np.ndarray, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, array.size - 1))
    other = array.copy()
    bits = other.reshape(-1).view(np.uint8)
    bits[at * array.itemsize] ^= 1
    both_nan = array.dtype.kind == "f" and math.isnan(array.flat[at]) and math.isnan(other.flat[at])
    assert (digest_of_array(other) == digest_of_array(array)) == both_nan


def test_type_shape_and_context_count() -> None:
    array = np.zeros((2, 3), np.int16)
    others = [
        digest_of_array(array),
        digest_of_array(array.astype(np.int32)),
        digest_of_array(array.astype(np.uint16)),
        digest_of_array(array.reshape(3, 2)),
        digest_of_array(array, {}),
        digest_of_array(array, {"spacing": 1.0}),
        digest_of_array(np.zeros((0, 3), np.int16)),
    ]
    assert len(set(others)) == len(others)


@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
def test_one_nan_is_like_another_and_the_array_stays(dtype: str) -> None:
    one = np.array([1.0, np.nan, -0.0], dtype)
    other = one.copy()
    words = other.view("u4" if dtype == "<f4" else "u8")
    words[1] |= 1  # another payload
    before = other.tobytes()
    assert digest_of_array(one) == digest_of_array(other)
    assert other.tobytes() == before
    assert digest_of_array(np.array([1.0, np.nan, 0.0], dtype)) != digest_of_array(one)


def test_the_digest_of_a_file_is_the_one_that_every_tool_gives(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"abc")
    assert digest_of_file(file) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
