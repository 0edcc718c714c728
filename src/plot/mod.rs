//! Finished results become PNG and SVG; one file a figure.
