//! Classes of windows and of continuous data.
//!
//! | idea | where |
//! |---|---|
//! | what is trained and judged | [`ClassSettings`] |
//! | examples: windows, images | [`ClassExamples`], [`WindowExamples`], [`ImageExamples`] |
//! | one fit; folds and seeds | [`fit`], [`cross_validation`] |
//! | the simple classifiers beside it | [`floors`] |
//! | scores and predictions | [`class_report`] |
//! | what training and test share | [`Split`], [`Shared`] |
//! | what a score may rest on | [`WindowInput`] |
//! | a trained run on new input | [`ClassRun`], [`continuous`], [`detections`] |
//! | what to look at first | [`least_certain`] |

pub mod annotate;
pub mod associate;
mod class_detections;
mod class_examples;
pub mod class_report;
mod class_run;
mod class_settings;
pub mod continuous;
pub mod cross_validation;
pub mod evaluation;
pub mod fit;
pub mod floors;
mod group_scores;
mod image_examples;
mod image_features;
mod least_certain;
mod metadata;
pub mod picker;
mod read_images;
mod read_windows;
mod sections;
mod split;
mod study;
mod window_examples;
mod window_input;

pub use class_detections::{ClassDetection, DetectionRule, detections, detections_table};
pub use class_examples::{ClassExamples, ClassTable, Scaling, fingerprint_of_all};
pub use class_run::ClassRun;
pub use class_settings::{
    ClassKind, ClassSettings, EnsembleEntry, ImageSettings, IndexColumns, ModelEntry,
    WindowSettings,
};
pub use image_examples::ImageExamples;
pub use image_features::image_features;
pub use least_certain::{Doubt, least_certain};
pub use picker::{AmplitudeRule, Picker, PickerClass, PickerSettings};
pub use read_images::{ReadImages, read_images, read_images_to_classify};
pub use read_windows::{ReadWindows, read_windows};
pub use split::{Origins, Shared, Split};
pub use study::{Study, study};
pub use window_examples::WindowExamples;
pub use window_input::WindowInput;
