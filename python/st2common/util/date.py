"""Times in UTC."""

import datetime
import re

__all__ = ["add_utc_tz", "convert_to_utc", "get_datetime_utc_now", "parse"]

FORM = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?\s*(?:(Z)|([+-])(\d\d):?(\d\d)?)?$"
)


def get_datetime_utc_now():
    return datetime.datetime.now(datetime.timezone.utc)


def add_utc_tz(dt):
    return dt.replace(tzinfo=datetime.timezone.utc)


def convert_to_utc(dt):
    """A time that names no zone is one of UTC."""
    return dt.astimezone(datetime.timezone.utc) if dt.tzinfo else add_utc_tz(dt)


def parse(value, preserve_original_tz=False):
    """A time in ISO 8601, in UTC unless its own zone is to be kept."""
    found = FORM.match(str(value))
    if found is None:
        raise ValueError("%s is no time in ISO 8601" % value)
    fraction = (found.group(7) or "").ljust(6, "0")
    zone = datetime.timezone.utc
    if found.group(9):
        shift = datetime.timedelta(hours=int(found.group(10)), minutes=int(found.group(11) or 0))
        zone = datetime.timezone(-shift if found.group(9) == "-" else shift)
    numbers = [int(found.group(at)) for at in range(1, 7)]
    dt = datetime.datetime(*numbers, microsecond=int(fraction), tzinfo=zone)
    return dt if preserve_original_tz else convert_to_utc(dt)
