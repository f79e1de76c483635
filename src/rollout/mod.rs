//! Strategies and verdicts.
