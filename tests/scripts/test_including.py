"""Functions that a script makes only when they are called do what they would do if it always made them."""

import pytest

from board.engine.calls import Call, raw
from board.engine.connection.sync import Connection
from board.engine.scripts.loader import read

ASK_TWICE = """\
-- ask_twice: split keys by functions that share one of their own.
-- KEYS    first key · second key
-- ARGV    none
-- RETURNS base and id of both, twice
-- EVENTS  none
-- COST    O(1)
local first_key, second_key = KEYS[1], KEYS[2]
-- @include parent_of{when}
-- @include child_place{when}
-- @include split_key
local function split(key)
  local parent = parent_of(key, '')
  local base, id = child_place('bull:mail:', key)
  local own_base, own_id = split_key(key)
  return parent.base, parent.id, base, id, own_base, own_id
end
local told = {{}}
for _, key in ipairs({{ first_key, second_key, first_key }}) do
  for _, part in ipairs({{ split(key) }}) do
    told[#told + 1] = part
  end
end
return told
"""


@pytest.mark.parametrize("when", ["", " when called"])
def test_a_function_that_is_made_when_called_answers_like_one_that_is_always_made(
    connection: Connection, when: str
) -> None:
    script = read("ask_twice", ASK_TWICE.format(when=when))

    told = connection.call(Call(("bull:mail:a:b", "bull:other:c"), raw, script=script, keys=2))

    first = [b"bull:mail:a:", b"b", b"bull:mail:", b"a:b", b"bull:mail:a:", b"b"]
    assert told == [*first, *[b"bull:other:", b"c"] * 3, *first]


def test_what_is_included_when_called_brings_along_what_it_alone_calls() -> None:
    source = read("ask_twice", ASK_TWICE.format(when=" when called")).source.splitlines()

    assert source.count("local function split_key(key)") == 3
    assert (
        source.count("function parent_of(...)")
        == source.count("local function parent_of(parent_key, parent_json)")
        == 1
    )
