//! Training pickers: cross-validated by events, stations or days, from nothing or from weights.
//!
//! | idea | where |
//! |---|---|
//! | the settings file, `kind = "picker"` | [`PickerTraining`] |
//! | one fit | [`fit_picker`] |
//! | picks in windows beside their labels | [`judge`] |
//! | folds, before and after, the final fit | [`train_picker`] |

mod fit;
mod judge;
mod settings;
mod study;

pub use fit::{fit_picker, starting_picker};
pub use judge::{TestWindow, judge};
pub use settings::{PickerSource, PickerTraining};
pub use study::{PickerStudy, train_picker};
