"""What stands behind an action's `config` and `logger`."""

import logging
import sys

from st2common import log

__all__ = ["PackConfigDict", "get_action_class_instance", "get_logger_for_python_runner_action"]

MISSING = (
    'The configuration of pack "%s" has no key "%s". Put it into config/packs/%s.yaml beside lockkeeper.yaml: '
    "%s: <value>."
)


class PackConfigDict(dict):
    """A pack's configuration; a key that is missing says where it belongs."""

    def __init__(self, pack_name, *args):
        super(PackConfigDict, self).__init__(*args)
        self._pack_name = pack_name

    def __getitem__(self, key):
        if key not in self:
            # The type that actions of existing packs catch.
            raise ValueError(MISSING % (self._pack_name, key, self._pack_name, key))
        return super(PackConfigDict, self).__getitem__(key)


def get_logger_for_python_runner_action(action_name, log_level="debug"):
    """A logger to standard error, the same one for the same name."""
    logger = log.getLogger("actions.python.%s" % action_name)
    if not logger.handlers:
        level = logging.getLevelName(str(log_level).upper())
        level = level if isinstance(level, int) else logging.DEBUG
        handler = logging.StreamHandler(sys.stderr)
        handler.setLevel(level)
        handler.setFormatter(logging.Formatter("%(name)-12s: %(levelname)-8s %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(level)
    return logger


def get_action_class_instance(action_cls, config=None, action_service=None):
    """An instance; a constructor from before there was an `action_service` gets it afterwards."""
    try:
        return action_cls(config=config, action_service=action_service)
    except TypeError as error:
        if "unexpected keyword argument 'action_service'" not in str(error):
            raise
    action = action_cls(config=config)
    action.action_service = action_service
    return action
