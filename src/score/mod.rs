//! Metrics with their uncertainty.
