"""Every public name of the engine can be had, and nothing else by mistake."""

import pytest

import board.engine


@pytest.mark.parametrize("name", board.engine.__all__)
def test_a_public_name_leads_to_its_place(name: str) -> None:
    found = getattr(board.engine, name)

    assert found.__name__ == name
    assert name in dir(board.engine)


def test_there_is_no_other_name() -> None:
    assert set(board.engine._PLACES) == set(board.engine.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Qeue'"):
        getattr(board.engine, "Qeue")  # noqa: B009 - mypy would say so, too
