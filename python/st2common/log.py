"""`from st2common import log as logging`, as older actions write it."""

import logging
from logging import *  # noqa: F401,F403

AUDIT = logging.CRITICAL + 10
logging.addLevelName(AUDIT, "AUDIT")


def _audit(self, message, *args, **more):
    if self.isEnabledFor(AUDIT):
        self._log(AUDIT, message, args, **more)


if not hasattr(logging.Logger, "audit"):
    logging.Logger.audit = _audit


def getLogger(name=None):
    return logging.getLogger(name)
