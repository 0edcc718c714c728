//! The program as a process: exit codes, streams, files.

mod associate;
mod catalogue;
mod classify;
mod completions;
mod compressed;
mod convert;
mod event_forecast;
mod features;
mod features_divided;
mod features_response;
mod fixtures;
mod forecast;
mod forecast_options;
mod index;
mod inspect;
mod malicious;
mod models;
mod pick;
mod plot;
mod process;
mod program;
mod resume;
mod start_up;
mod synth;
mod table;
mod weights;
