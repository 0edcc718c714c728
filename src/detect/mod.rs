//! Classes of windows and of continuous data.
