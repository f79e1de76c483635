"""Runs one Python action of a StackStorm pack, for the runner `python-script`.

Started as `python -u run_action.py` with a socket as its standard input. The first line says what to run; the last one
that is written says what came of it; between them the action may ask the datastore. Standard output and standard error
are the action's own, and it finds an empty standard input.

Ends with 0 if `run()` returned, 220 if it returned a status that is none, 1 if it raised.
"""

import inspect
import sys

from st2common.runners.base_action import Action
from st2common.runners.utils import get_action_class_instance

from lockkeeper_action.encode import encode
from lockkeeper_action.module import fail, load, order_paths
from lockkeeper_action.service import ActionService
from lockkeeper_action.wire import Wire

INVALID_STATUS = 220

HOW_TO_RETURN = """
An action that returns a tuple of two says in the first whether it succeeded:
return (True, data), or only the data, or a list in place of the tuple.
""".strip()


def has_run(cls):
    method = getattr(cls, "run", None)
    return inspect.isfunction(method) and not getattr(method, "__isabstractmethod__", False)


def action_class(module):
    """The first class of the file, by name, that has a `run()`; those that inherit from Action come before others."""
    own = [cls for _, cls in inspect.getmembers(module, inspect.isclass) if cls.__module__ == module.__name__]
    fitting = [cls for cls in own if has_run(cls)]
    fitting.sort(key=lambda cls: not issubclass(cls, Action))
    return fitting[0] if fitting else None


def instance(order, wire):
    path = order["file"]
    try:
        cls = action_class(load(path))
    except Exception as error:  # whatever a module may raise while it is loaded
        fail(error, 'The action could not be loaded from "%s".' % path)
    if cls is None:
        sys.stderr.write('"%s" has no class with a run() method.\n' % path)
        sys.exit(1)
    service = ActionService(wire, order["pack"], cls.__name__, order.get("log_level"), order.get("user"))
    return get_action_class_instance(cls, config=order.get("config") or {}, action_service=service)


def perform(order, wire):
    action = instance(order, wire)
    output = action.run(**(order.get("parameters") or {}))
    status, result = None, output
    if isinstance(output, tuple) and len(output) == 2:
        status, result = output
        if status is not None and not isinstance(status, bool):
            sys.stderr.write("The status that run() returned is neither True nor False: %s\n" % (status,))
            sys.stderr.write(HOW_TO_RETURN + "\n")
            sys.exit(INVALID_STATUS)
    wire.end('{"end": {"status": %s, "result": %s}}' % (encode(status), encode(result)))


def main():
    wire = Wire.of_stdin()
    order_paths()
    order = wire.receive()
    sys.argv = [order["file"]]
    try:
        perform(order, wire)
    except Exception as error:
        fail(error)


if __name__ == "__main__":
    main()
