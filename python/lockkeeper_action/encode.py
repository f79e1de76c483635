"""A result as JSON, with the choices of StackStorm's own encoder, orjson: times as ISO 8601, identifiers as text,
enumerations as their values, numbers that are none as null. What cannot be said so is `str()` of the whole.
"""

import dataclasses
import datetime
import enum
import json
import math
import uuid

# What StackStorm's encoder can say in one number.
SMALLEST, LARGEST = -(2**63), 2**64 - 1
# Deepest nesting that the bot reads.
DEEPEST = 100


def encode(value):
    try:
        return json.dumps(plain(value), ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return json.dumps(printable(value))


def printable(value):
    # A lone half of a surrogate pair is no text for anybody else.
    return str(value).encode("utf-8", "replace").decode("utf-8")


def plain(value, depth=0):
    if depth > DEEPEST:
        raise TypeError("too deep")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, enum.Enum):
        return plain(value.value, depth + 1)
    if isinstance(value, str):
        value.encode("utf-8")
        return str(value)
    if isinstance(value, int):
        if not SMALLEST <= value <= LARGEST:
            raise TypeError("a number of more than 64 bits")
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key_of(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list) or type(value) is tuple:
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        named = [it.name for it in dataclasses.fields(value) if not it.name.startswith("_")]
        return {name: plain(getattr(value, name), depth + 1) for name in named}
    raise TypeError("%s is not JSON" % type(value).__name__)


def key_of(key):
    if not isinstance(key, str):
        raise TypeError("a key is not text")
    return plain(key)
