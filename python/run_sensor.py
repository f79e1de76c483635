"""Runs one Python sensor of a StackStorm pack.

Started as `python -u run_sensor.py` with a socket as its standard input, as `run_action.py` is. The first line says what
to run; from then on the sensor tells what happens and asks the datastore. It runs until it is told to end (SIGTERM), its
`run()` returns or raises.

Ends with 0 if `run()` returned or it was told to end, 1 if anything raised.
"""

import inspect
import signal
import sys

from st2common.runners.utils import PackConfigDict
from st2reactor.sensor.base import PollingSensor

from lockkeeper_action.module import fail, load, order_paths
from lockkeeper_action.sensing import SensorService
from lockkeeper_action.wire import Wire


def stop(_signal, _frame):
    sys.exit(0)


def sensor_class(order):
    path, name = order["file"], order["class"]
    try:
        found = getattr(load(path), name, None)
    except Exception as error:  # whatever a module may raise while it is loaded
        fail(error, 'The sensor could not be loaded from "%s".' % path)
    if not inspect.isclass(found):
        sys.stderr.write('"%s" has no class %s, which `class_name` names.\n' % (path, name))
        sys.exit(1)
    return found


def instance(order, wire):
    cls = sensor_class(order)
    service = SensorService(wire, order["pack"], order["class"], order.get("log_level"))
    given = {"sensor_service": service, "config": PackConfigDict(order["pack"], order.get("config") or {})}
    if order.get("poll_interval") and issubclass(cls, PollingSensor):
        given["poll_interval"] = order["poll_interval"]
    return cls(**given)


def perform(order, wire):
    sensor = instance(order, wire)
    try:
        sensor.setup()
        for trigger in order.get("triggers") or []:
            sensor.add_trigger(trigger)
        sensor.run()
    finally:
        sensor.cleanup()


def main():
    wire = Wire.of_stdin()
    order_paths()
    order = wire.receive()
    sys.argv = [order["file"]]
    signal.signal(signal.SIGTERM, stop)
    try:
        perform(order, wire)
    except Exception as error:
        fail(error)


if __name__ == "__main__":
    main()
