"""Where Action was before StackStorm 2.2."""

from st2common.runners.base_action import Action

__all__ = ["Action"]
