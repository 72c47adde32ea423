"""What scripts are given is packed by packers that are used again and again."""

from concurrent.futures import ThreadPoolExecutor

import msgpack
import pytest

from board.engine import codec
from board.engine.codec import pack


def test_threads_that_pack_at_the_same_time_get_what_is_theirs() -> None:
    values = [{"id": str(number), "data": "x" * number, "list": list(range(number % 50))} for number in range(400)]

    with ThreadPoolExecutor(8) as pool:
        packed = list(pool.map(pack, values))

    assert [msgpack.unpackb(one) for one in packed] == values


def test_what_cannot_be_packed_leaves_nothing_behind() -> None:
    with pytest.raises(TypeError):
        pack(["some of it", object()])

    assert msgpack.unpackb(pack(["all of it"])) == ["all of it"]


def test_a_packer_that_held_much_is_let_go() -> None:
    pack("little")
    idle = len(codec._IDLE)

    assert len(pack("x" * (codec.MOST_KEPT + 1))) > codec.MOST_KEPT

    assert len(codec._IDLE) == idle - 1
