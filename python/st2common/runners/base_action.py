"""The class that every Python action inherits from."""

import abc

from st2common.runners.utils import PackConfigDict, get_logger_for_python_runner_action

__all__ = ["Action"]


class Action(abc.ABC):
    """`config` is the pack's configuration, `logger` writes to standard error, `action_service` reaches the datastore."""

    description = None

    def __init__(self, config=None, action_service=None):
        self.action_service = action_service
        runs_it = getattr(action_service, "_action_wrapper", None)
        self.config = PackConfigDict(getattr(runs_it, "_pack", "unknown"), config or {})
        self.logger = get_logger_for_python_runner_action(
            self.__class__.__name__, getattr(runs_it, "_log_level", "debug")
        )

    @abc.abstractmethod
    def run(self, **kwargs):
        """Does it. Returns data, or (succeeded, data)."""
