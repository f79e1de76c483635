"""What the files of a pack need to be loaded, and what is said when they cannot."""

import importlib.util
import os
import sys
import sysconfig
import traceback


def order_paths():
    """What the virtualenv holds comes first; the folder of this file stays reachable, behind all others."""
    ours = sys.path.pop(0)
    if sys.prefix != sys.base_prefix:
        sys.path.insert(0, sysconfig.get_path("platlib"))
    if ours not in sys.path:
        sys.path.append(ours)


def load(path):
    """The module of a pack's file. It stands among the modules, where dataclasses and pickle look for it, under a
    name that no other has: an action or a sensor may be called `json`."""
    folder = os.path.dirname(os.path.realpath(path))
    if folder not in sys.path:
        sys.path.append(folder)
    name = "lockkeeper_pack_file_" + os.path.splitext(os.path.basename(path))[0].replace(".", "_")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise ImportError("%s is not a Python file" % path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def advice(error):
    """What to do about a module that is missing."""
    name = getattr(error, "name", None)
    if not isinstance(error, ImportError) or not name:
        return None
    top = name.split(".")[0]
    if top in ("st2common", "st2client", "st2reactor", "st2actions"):
        return "`%s` is a part of StackStorm itself that Lockkeeper does not offer to packs." % name
    return "If `%s` comes from a package, name that package in the pack's requirements.txt." % top


def fail(error, what=None):
    traceback.print_exception(type(error), error, error.__traceback__)
    for line in (what, advice(error)):
        if line:
            sys.stderr.write(line + "\n")
    sys.stderr.flush()
    sys.exit(1)
