"""What an action or a sensor may ask of the bot: `self.action_service`, `self.sensor_service`."""

from st2common.constants.keyvalue import DATASTORE_KEY_SEPARATOR, SYSTEM_SCOPE
from st2common.runners.utils import get_logger_for_python_runner_action


def number(given):
    return int(given) if given else None


class KeyValuePair(object):
    """One entry of the datastore, with the attributes that StackStorm's client gives it."""

    def __init__(self, name, value, scope=SYSTEM_SCOPE, secret=False, ttl=None, **_more):
        self.id = name
        self.name = name
        self.value = value
        self.scope = scope
        self.secret = secret
        self.encrypted = secret
        self.ttl = ttl

    def __repr__(self):
        return "<KeyValuePair name=%s>" % self.name


class DatastoreService(object):
    """The datastore. A local name belongs to this class of this pack: `<pack>.<Class>:<name>`."""

    def __init__(self, wire, pack, class_name, user, logger, asked_by="action"):
        self._asked_by = asked_by
        self._wire = wire
        self._prefix = "%s.%s%s" % (pack, class_name, DATASTORE_KEY_SEPARATOR)
        self._user = user
        self._logger = logger

    def get_user_info(self):
        return {
            "username": self._user,
            "authentication": {"method": "lockkeeper", "location": self._asked_by},
            "rbac": {"enabled": False, "is_admin": False, "roles": []},
        }

    def list_values(self, local=True, prefix=None, limit=None, offset=0):
        prefix = (self._prefix if local else "") + (prefix or "")
        self._logger.debug("Retrieving all the values from the datastore")
        found = self._wire.ask({"ask": "list", "prefix": prefix, "limit": number(limit), "offset": number(offset) or 0})
        return [KeyValuePair(**entry) for entry in found or []]

    def get_value(self, name, local=True, scope=SYSTEM_SCOPE, decrypt=False):
        name = self._full_name(name, local, scope)
        self._logger.debug("Retrieving value from the datastore (name=%s)", name)
        return self._wire.ask({"ask": "get", "name": name, "scope": scope, "decrypt": bool(decrypt)})

    def set_value(self, name, value, ttl=None, local=True, scope=SYSTEM_SCOPE, encrypt=False):
        name = self._full_name(name, local, scope)
        self._logger.debug("Setting value in the datastore (name=%s)", name)
        entry = {"name": name, "scope": scope, "value": str(value), "ttl": number(ttl), "encrypt": bool(encrypt)}
        self._wire.ask(dict(entry, ask="set"))
        return True

    def delete_value(self, name, local=True, scope=SYSTEM_SCOPE):
        name = self._full_name(name, local, scope)
        self._logger.debug("Deleting value from the datastore (name=%s)", name)
        return bool(self._wire.ask({"ask": "delete", "name": name, "scope": scope}))

    def _full_name(self, name, local, scope):
        if scope != SYSTEM_SCOPE:
            raise ValueError("Scope %s is unsupported." % scope)
        return self._prefix + name if local else name


class Service(object):
    """The datastore, and who asks."""

    datastore_service = None

    def get_user_info(self):
        return self.datastore_service.get_user_info()

    def list_values(self, local=True, prefix=None, limit=None, offset=None):
        return self.datastore_service.list_values(local=local, prefix=prefix, limit=limit, offset=offset)

    def get_value(self, name, local=True, scope=SYSTEM_SCOPE, decrypt=False):
        return self.datastore_service.get_value(name, local=local, scope=scope, decrypt=decrypt)

    def set_value(self, name, value, ttl=None, local=True, scope=SYSTEM_SCOPE, encrypt=False):
        return self.datastore_service.set_value(
            name, value, ttl=ttl, local=local, scope=scope, encrypt=encrypt
        )

    def delete_value(self, name, local=True, scope=SYSTEM_SCOPE):
        return self.datastore_service.delete_value(name, local=local, scope=scope)


class ActionService(Service):
    """`self.action_service`."""

    def __init__(self, wire, pack, class_name, log_level, user):
        self._action_wrapper = Wrapper(pack, class_name, log_level or "DEBUG")
        logger = get_logger_for_python_runner_action(class_name, self._action_wrapper._log_level)
        self.datastore_service = DatastoreService(wire, pack, class_name, user, logger)


class Wrapper(object):
    """What Action reads of whoever runs it."""

    def __init__(self, pack, class_name, log_level):
        self._pack = pack
        self._class_name = class_name
        self._log_level = log_level
