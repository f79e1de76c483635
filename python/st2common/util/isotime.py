"""Times as ISO 8601."""

import datetime
import re

from st2common.util import date

__all__ = ["format", "parse", "validate"]

UTC_FORM = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{3,6})?(Z|\+00(:?00)?)$")


def format(dt, usec=True, offset=True):
    """Text of a time, of a text or of seconds since 1970."""
    if isinstance(dt, str):
        dt = parse(dt)
    elif isinstance(dt, int):
        dt = datetime.datetime.fromtimestamp(dt, datetime.timezone.utc)
    text = dt.strftime("%Y-%m-%dT%H:%M:%S.%f" if usec else "%Y-%m-%dT%H:%M:%S")
    if offset:
        shift = dt.strftime("%z") or "+0000"
        return "%s%s:%s" % (text, shift[:3], shift[3:])
    name = dt.tzname() or "UTC"
    return text + ("Z" if name == "UTC" else name)


def validate(value, raise_exception=True):
    if isinstance(value, datetime.datetime) or (isinstance(value, str) and UTC_FORM.match(value)):
        return True
    if raise_exception:
        raise ValueError("Datetime value does not match expected format.")
    return False


def parse(value, preserve_original_tz=False, validate_value=True):
    if validate_value:
        validate(value)
    return date.parse(value, preserve_original_tz=preserve_original_tz)
