"""The part of StackStorm's package of this name that actions are documented to use, written anew for Lockkeeper.

https://docs.stackstorm.com/actions.html#writing-custom-python-actions
"""
