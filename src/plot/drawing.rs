//! Figures kept with a run, so that they can be drawn again at any time.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::confusion::ConfusionFigure;
use super::coverage::CoverageFigure;
use super::dayplot::DayplotFigure;
use super::epicentres::EpicentresFigure;
use super::examples::ExamplesFigure;
use super::features::FeaturesFigure;
use super::forecast::ForecastFigure;
use super::history::HistoryFigure;
use super::images::ImagesFigure;
use super::noise_density::NoiseDensityFigure;
use super::picks::PicksFigure;
use super::record_section::RecordSectionFigure;
use super::reliability::ReliabilityFigure;
use super::residuals::ResidualsFigure;
use super::roc::RocFigure;
use super::save;
use super::scores::ScoresFigure;
use super::spectrogram::SpectrogramFigure;
use super::station_day::StationDayFigure;
use super::threshold_curves::ThresholdCurvesFigure;
use super::waveform::WaveformFigure;
use crate::error::{Error, Result};
use crate::output::write_atomically;

/// Where the data of figures lie in a run folder.
const FOLDER: &str = "figures";

macro_rules! drawings {
    ($($name:ident($figure:ty)),* $(,)?) => {
        /// The data of any figure.
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(tag = "figure", rename_all = "snake_case")]
        pub enum Drawing {
            $(
                #[doc = concat!("See [`", stringify!($figure), "`].")]
                $name(Box<$figure>),
            )*
        }

        $(
            impl From<$figure> for Drawing {
                fn from(figure: $figure) -> Self {
                    Self::$name(Box::new(figure))
                }
            }
        )*

        impl Drawing {
            /// Draws it to `path`: SVG by suffix, else PNG.
            pub fn save(&self, path: &Path) -> Result<()> {
                match self {
                    $(Self::$name(figure) => save(&**figure, path),)*
                }
            }
        }
    };
}

drawings! {
    Confusion(ConfusionFigure),
    Coverage(CoverageFigure),
    Dayplot(DayplotFigure),
    Epicentres(EpicentresFigure),
    Examples(ExamplesFigure),
    Features(FeaturesFigure),
    Forecast(ForecastFigure),
    History(HistoryFigure),
    Images(ImagesFigure),
    NoiseDensity(NoiseDensityFigure),
    Picks(PicksFigure),
    RecordSection(RecordSectionFigure),
    Reliability(ReliabilityFigure),
    Roc(RocFigure),
    Residuals(ResidualsFigure),
    Scores(ScoresFigure),
    Spectrogram(SpectrogramFigure),
    StationDay(StationDayFigure),
    ThresholdCurves(ThresholdCurvesFigure),
    Waveform(WaveformFigure),
}

/// The suffix of the data of a figure.
const DATA: &str = "toml";

/// Draws a figure to `path`, PNG or SVG by suffix; with the suffix `toml` its data are written,
/// from which [`redraw_file`] draws it.
pub fn write(path: &Path, drawing: impl Into<Drawing>) -> Result<()> {
    let drawing = drawing.into();
    match path.extension().is_some_and(|suffix| suffix == DATA) {
        true => write_data(path, &drawing),
        false => drawing.save(path),
    }
}

fn write_data(path: &Path, drawing: &Drawing) -> Result<()> {
    // TOML, because it has a word for NaN.
    let text = toml::to_string(drawing).map_err(|error| {
        Error::data(format!("{}: the figure cannot be kept: {error}", path.display()))
    })?;
    write_atomically(path, text.as_bytes())
}

/// Draws a figure as `NAME.png` into a run folder and keeps its data beside it.
pub fn keep(folder: &Path, name: &str, drawing: impl Into<Drawing>) -> Result<()> {
    let drawing = drawing.into();
    write_data(&folder.join(FOLDER).join(format!("{name}.{DATA}")), &drawing)?;
    drawing.save(&folder.join(format!("{name}.png")))
}

/// The names of the figures kept in a run folder, sorted.
pub fn kept(folder: &Path) -> Result<Vec<String>> {
    let figures = folder.join(FOLDER);
    let entries = std::fs::read_dir(&figures).map_err(|_| {
        Error::usage(format!("{}: no figures are kept here; is it a run folder?", folder.display()))
    })?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_string))
        .collect();
    names.sort();
    Ok(names)
}

/// Draws a kept figure of a run again; returns where.
pub fn redraw(folder: &Path, name: &str, target: &Path, suffix: &str) -> Result<PathBuf> {
    redraw_file(&folder.join(FOLDER).join(format!("{name}.{DATA}")), target, suffix)
}

/// Draws a figure from the file of its data into the folder `target`; returns where.
pub fn redraw_file(source: &Path, target: &Path, suffix: &str) -> Result<PathBuf> {
    let text = std::fs::read_to_string(source).map_err(Error::io(source))?;
    let drawing: Drawing =
        toml::from_str(&text).map_err(|error| Error::input(source, error.message().to_string()))?;
    let name = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let path = target.join(format!("{name}.{suffix}"));
    drawing.save(&path)?;
    Ok(path)
}
