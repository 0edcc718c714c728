//! Comparisons with the peers' own software; one file a peer or protocol.

mod forecast_station;
mod keras_models;
mod obspy_waveforms;
mod pytorch_models;
mod pytorch_training;
mod scipy_signal;
mod shared;
