//! Deterministic archives, catalogues and images for demo and tests.
