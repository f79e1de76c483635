class InvalidActionParameterException(Exception):
    """A parameter that the action cannot work with."""


class ParameterRenderingFailedException(Exception):
    """A parameter whose template could not be rendered."""
