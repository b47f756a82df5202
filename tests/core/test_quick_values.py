"""What each message makes anew does what a frozen dataclass does, but for the runtime's check."""

import copy
import pickle
from dataclasses import replace

import pytest

from gateway.core.mail.address import Path

ANN = Path(b"<ann@example.org>", "ann@example.org")


def test_equal_values_are_one_key() -> None:
    again = Path(b"<ann@example.org>", "ann@example.org")

    assert {ANN: "known"}[again] == "known"


def test_another_value_is_made_of_one() -> None:
    bob = replace(ANN, address="bob@example.org")

    assert bob == Path(b"<ann@example.org>", "bob@example.org")
    assert ANN.address == "ann@example.org"


def test_a_value_has_its_fields_alone() -> None:
    with pytest.raises(AttributeError):
        ANN.note = ""  # type: ignore[attr-defined]


def test_a_value_can_be_copied_and_kept() -> None:
    assert copy.copy(ANN) == ANN
    assert pickle.loads(pickle.dumps(ANN)) == ANN
