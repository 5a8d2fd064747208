"""The text of a user's error."""

from __future__ import annotations

from opweave._cli import user_error

FRAMES = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n'


def test_the_error_stands_below_its_frames() -> None:
    """Frames alone do not say what was raised."""
    assert user_error.text("ValueError", "no", FRAMES).endswith("in f\nValueError: no")


def test_a_formatted_group_is_not_told_twice() -> None:
    """A stack that has the group with its members is shown as it is."""
    group = (
        "  + Exception Group Traceback (most recent call last):\n"
        '  |   File "a.py", line 1, in f\n'
        "  | ExceptionGroup: several (2 sub-exceptions)\n"
        "  +-+---------------- 1 ----------------\n"
        "    | ValueError: one\n"
        "    +---------------- 2 ----------------\n"
        "    | KeyError: 'two'\n"
        "    +------------------------------------\n"
    )
    text = user_error.text("ExceptionGroup", "several (2 sub-exceptions)", group)
    assert text == group.rstrip()


def test_a_message_of_several_lines_is_kept_whole() -> None:
    """The members of a group may stand in its message."""
    message = "several (2 sub-exceptions)\n  ValueError: one\n  KeyError: 'two'"
    assert user_error.text("ExceptionGroup", message, FRAMES).endswith(f"ExceptionGroup: {message}")


def test_an_error_with_lines_and_notes_is_not_told_twice() -> None:
    """Python prints the qualified name, every line of the message, then the notes."""
    stack = f"{FRAMES}shop.errors.Wrong: two\nlines\na note\n"
    assert user_error.text("Wrong", "two\nlines", stack) == stack.rstrip()
    assert user_error.text("Wrong", "", f"{FRAMES}shop.errors.Wrong\n").endswith(
        "\nshop.errors.Wrong"
    )
