from shlex import quote as quote_unix

__all__ = ["quote_unix"]
