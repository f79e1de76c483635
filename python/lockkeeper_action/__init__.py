"""How an action of a StackStorm pack talks to Lockkeeper."""
