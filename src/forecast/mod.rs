//! Forecasters (baselines and networks alike), backtests and calibration.
