//! Comparisons with the peers' own software; one file a peer or protocol.

mod activity_features;
mod classify_floors;
mod conformal;
mod dike_swarm;
mod evaluate_windows;
mod forecast_station;
mod keras_loader;
mod keras_losses;
mod keras_models;
mod keras_training;
mod libmseed_records;
mod noise_density;
mod obspy_waveforms;
mod pick_windows;
mod picker_forward;
mod pytorch_models;
mod pytorch_training;
mod response;
mod ruapehu;
mod scores;
mod seisbench_variants;
mod sensors;
mod shared;
mod signal;
