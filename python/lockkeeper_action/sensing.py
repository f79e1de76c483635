"""`self.sensor_service`: what a sensor tells the bot."""

import json
import logging
import sys

from lockkeeper_action.encode import encode
from lockkeeper_action.service import DatastoreService, Service

FORMAT = "%(asctime)s %(name)s %(levelname)s %(message)s"


def logger_of(name, level):
    """A logger to standard error, the same one for the same name."""
    logger = logging.getLogger(name)
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter(FORMAT))
        logger.addHandler(handler)
        logger.propagate = False
        known = logging.getLevelName(str(level).upper())
        logger.setLevel(known if isinstance(known, int) else logging.INFO)
    return logger


class SensorService(Service):
    def __init__(self, wire, pack, class_name, log_level):
        self._wire = wire
        self._name = "%s.%s" % (pack, class_name)
        self._log_level = log_level or "INFO"
        self._logger = self.get_logger("sensor_service")
        self.datastore_service = DatastoreService(wire, pack, class_name, None, self._logger, asked_by="sensor")

    def get_logger(self, name):
        return logger_of("%s.%s" % (self._name, name), self._log_level)

    def dispatch(self, trigger, payload=None, trace_tag=None):
        """Returns once what happened is stored; nothing of it is lost then."""
        self.dispatch_with_context(trigger, payload)

    def dispatch_with_context(self, trigger, payload=None, trace_context=None):
        kind, parameters = named(trigger)
        self._logger.debug("Dispatching %s", kind)
        said = '{"dispatch": {"trigger": %s, "parameters": %s, "payload": %s}}' % (
            json.dumps(kind),
            encode(parameters),
            encode({} if payload is None else payload),
        )
        self._wire.ask_text(said)


def named(trigger):
    """The type and the parameters of a trigger: of `pack.name`, or of what `add_trigger` was given."""
    if isinstance(trigger, dict):
        if trigger.get("type"):
            return trigger["type"], trigger.get("parameters") or {}
        if trigger.get("ref"):
            return trigger["ref"], {}
        return "%s.%s" % (trigger["pack"], trigger["name"]), {}
    return str(trigger), {}
