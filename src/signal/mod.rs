//! Traces become clean traces and activity features.
