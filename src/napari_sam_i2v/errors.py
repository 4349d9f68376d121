"""The error a user can do something about."""


class InputError(ValueError):
    """Bad input or arguments.

    The message is one line that says what is wrong and what would be right. The
    command line prints it after ``error:`` and exits with 2.
    """
