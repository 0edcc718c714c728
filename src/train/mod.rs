//! One training loop for every dataset and head.
