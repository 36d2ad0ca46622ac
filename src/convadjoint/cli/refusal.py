"""The one way the command says no."""


class CannotRunError(ValueError):
    """The command cannot run as asked; the message is the one line the user sees."""
