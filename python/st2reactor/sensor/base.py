"""What the sensors of packs inherit from."""

import abc
import time

__all__ = ["Sensor", "PollingSensor"]

DEFAULT_POLL_INTERVAL = 5


class BaseSensor(abc.ABC):
    def __init__(self, sensor_service, config=None):
        self._sensor_service = sensor_service
        self._config = config or {}

    @property
    def sensor_service(self):
        return self._sensor_service

    @property
    def config(self):
        return self._config

    @abc.abstractmethod
    def setup(self):
        """Once, before anything else."""

    @abc.abstractmethod
    def run(self):
        """Until the sensor is stopped."""

    @abc.abstractmethod
    def cleanup(self):
        """When the sensor is stopped."""

    @abc.abstractmethod
    def add_trigger(self, trigger):
        """A rule listens to this trigger."""

    @abc.abstractmethod
    def update_trigger(self, trigger):
        """What rules listen to changed."""

    @abc.abstractmethod
    def remove_trigger(self, trigger):
        """No rule listens to this trigger any more."""


class Sensor(BaseSensor):
    """Waits for what happens by itself."""


class PollingSensor(BaseSensor):
    """Looks every `poll_interval` seconds."""

    def __init__(self, sensor_service, config=None, poll_interval=DEFAULT_POLL_INTERVAL):
        super(PollingSensor, self).__init__(sensor_service=sensor_service, config=config)
        self._poll_interval = poll_interval

    @abc.abstractmethod
    def poll(self):
        """Looks once."""

    def run(self):
        while True:
            self.poll()
            time.sleep(self._poll_interval)

    def get_poll_interval(self):
        return self._poll_interval

    def set_poll_interval(self, poll_interval):
        self._poll_interval = poll_interval
