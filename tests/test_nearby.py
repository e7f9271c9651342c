"""Near names and shortened lists."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nazad.nearby import listed, near, shown, suggest


def test_near_names_do_not_care_about_case():
    assert near("SPECIES", ["Species", "x"]) == ["Species"]


def test_a_suggestion_offers_up_to_three():
    said = suggest("x1", ["x10", "x11", "x12", "x13", "age"])
    assert said.count(" or ") == 2
    assert "age" not in said


def test_a_suggestion_with_nothing_to_offer():
    assert suggest("x", []) == "There are none"


@given(st.lists(st.text(), max_size=30))
def test_a_list_is_one_short_line(names):
    assert len(listed(names).splitlines()) <= 1
    assert len(listed(names)) < 8 * 500


@given(st.text())
def test_what_is_shown_is_one_line(text):
    assert len(shown(text).splitlines()) == 1
