import json

import pytest

from board.queries.payload import CHILD_LIMIT, DEPTH_LIMIT, NODE_LIMIT, Node, payload, preview


def tree_of(text: str) -> Node:
    shown = payload(text, len(text)).tree
    assert shown is not None
    return shown


@pytest.mark.parametrize(
    "literal",
    ["12345678901234567890", "12345678901234567890.10", "1e400", "-0", "1E+2", "0.1000", "9007199254740993"],
)
def test_a_number_keeps_every_digit_it_was_stored_with(literal: str) -> None:
    assert tree_of(f'{{"n":{literal}}}').children[0].text == literal


def test_keys_keep_their_order_and_their_doubles() -> None:
    node = tree_of('{"b":1,"a":2,"b":3}')

    assert [(child.key, child.text) for child in node.children] == [("b", "1"), ("a", "2"), ("b", "3")]
    assert node.size == 3


@pytest.mark.parametrize("text", ["", "{oops", "{'a':1}", "NaN", '{"a":Infinity}', "undefined", "[1,]", '"\n"'])
def test_what_is_not_json_is_shown_as_the_text_it_is(text: str) -> None:
    shown = payload(text, len(text))

    assert not shown.valid
    assert shown.tree is None
    assert shown.text == text


def test_nesting_that_would_exhaust_the_reader_is_text() -> None:
    shown = payload("[" * 100_000, 100_000)

    assert not shown.valid
    assert shown.tree is None


def depth_of(node: Node) -> int:
    return max((depth_of(child) for child in node.children), default=node.depth)


def count_of(node: Node) -> int:
    return 1 + sum(count_of(child) for child in node.children)


def test_a_tree_stops_where_nobody_reads_on_and_counts_the_rest() -> None:
    wide = tree_of(json.dumps(list(range(CHILD_LIMIT + 40))))
    large = tree_of(json.dumps([[0] * 100 for _ in range(100)]))

    assert wide.more == 40
    assert count_of(large) <= NODE_LIMIT + 1
    assert large.size == 100
    assert depth_of(tree_of("[" * 200 + "]" * 200)) == DEPTH_LIMIT


def test_text_that_utf8_cannot_hold_becomes_text_that_it_can() -> None:
    shown = payload('{"half":"\\ud800","\\udfff":1}', 26)

    assert shown.tree is not None
    for node in shown.tree.children:
        f"{node.key}{node.text}".encode()


def test_a_text_that_was_cut_is_neither_valid_nor_broken() -> None:
    shown = payload('{"a":"xxx', 5_000, truncated=True)

    assert shown.valid
    assert shown.truncated
    assert shown.tree is None
    assert shown.size == 5_000


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '{"to":"ann","n":1.50,"deep":{"a":1},"list":[1,2],"none":null}',
            "to: ann, n: 1.50, deep: {…}, list: [2], none: null",
        ),
        ("{}", "{}"),
        ("[1,2,3]", "[3]"),
        ('"text"', "text"),
        ("{oops", "{oops"),
        ('{"a":"line\\nbreak"}', "a: line break"),
    ],
)
def test_a_preview_names_the_first_keys_on_one_line(text: str, told: str) -> None:
    assert preview(text) == told


def test_a_preview_of_a_cut_text_shows_what_is_whole_and_no_half_number() -> None:
    assert preview('{"a":1,"b":"whole","c":12', whole=False) == "a: 1, b: whole, …"
    assert len(preview(json.dumps({"a": "x" * 5_000}))) <= 160
