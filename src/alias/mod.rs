//! What people say, turned into an action and its parameters.
