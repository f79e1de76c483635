//! YAQL and Jinja.
