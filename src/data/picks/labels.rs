//! What the network is to say, sample by sample: curves around the arrivals.

use super::example::Example;
use crate::error::{Error, Result};

/// The curve around an arrival; 1 at the arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelShape {
    /// `exp(-t² / (2 width²))`, cut off at three widths (Zhu and Beroza 2019 cut theirs too).
    #[default]
    Gaussian,
    /// Falls along a straight line to 0 at `width` on both sides (EQTransformer).
    Triangle,
    /// 1 up to `width` on both sides.
    Box,
}

/// How arrivals become labels `[K, T]`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LabelSettings {
    /// The curve.
    pub shape: LabelShape,
    /// Standard deviation of the Gaussian, half width of the others, seconds.
    pub width_seconds: f64,
    /// An arrival whose stated uncertainty is wider takes that as its width.
    pub widen_by_uncertainty: bool,
    /// The detection lasts from P to S and then on for this many times S - P (EQTransformer: 1.4).
    pub detection_factor: f64,
    /// Length of the detection of an event without both, from its arrival on, seconds.
    pub detection_seconds: f64,
    /// Samples that do not count, because an event's other phase may lie there unlabelled: so many
    /// seconds behind a P without S, and before an S without P; 0 for none.
    pub mask_missing_seconds: f64,
    /// Names of phases that count as P.
    pub p: Vec<String>,
    /// Names of phases that count as S.
    pub s: Vec<String>,
}

impl Default for LabelSettings {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_string()).collect();
        Self {
            shape: LabelShape::Gaussian,
            width_seconds: 0.1,
            widen_by_uncertainty: false,
            detection_factor: 1.4,
            detection_seconds: 5.0,
            mask_missing_seconds: 0.0,
            p: names(&["P", "p", "Pg", "Pn", "Pb", "P1", "Pdiff"]),
            s: names(&["S", "s", "Sg", "Sn", "Sb", "S1"]),
        }
    }
}

/// What one row of the labels holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// 1 less all phases.
    Noise,
    /// From P to some time behind S.
    Detection,
    P,
    S,
}

impl Row {
    /// `N`, `P`, `S`, `Detection`: the names of the pickers.
    pub(super) fn named(name: &str) -> Result<Self> {
        match name {
            "N" | "Noise" | "noise" => Ok(Self::Noise),
            "D" | "Detection" | "detection" => Ok(Self::Detection),
            "P" => Ok(Self::P),
            "S" => Ok(Self::S),
            _ => Err(Error::usage(format!(
                "no labels for '{name}'; there are labels for N, P, S and Detection"
            ))),
        }
    }
}

impl LabelSettings {
    /// Refuses numbers that cannot be meant.
    pub fn check(&self) -> Result<()> {
        if !(self.width_seconds.is_finite() && self.width_seconds > 0.0) {
            return Err(Error::usage("labels: width_seconds must be a positive number"));
        }
        let lengths = [self.detection_factor, self.detection_seconds, self.mask_missing_seconds];
        if lengths.iter().any(|value| !(value.is_finite() && *value >= 0.0)) {
            return Err(Error::usage("labels: lengths must be finite and not negative"));
        }
        Ok(())
    }

    /// Whether a phase of this name counts as P or S.
    pub(super) fn row_of(&self, phase: &str) -> Option<Row> {
        let named = |names: &[String]| names.iter().any(|name| name == phase);
        match (named(&self.p), named(&self.s)) {
            (true, _) => Some(Row::P),
            (_, true) => Some(Row::S),
            _ => None,
        }
    }

    /// `P` or `S` if a phase of this name counts as one.
    pub fn phase(&self, name: &str) -> Option<&'static str> {
        match self.row_of(name)? {
            Row::P => Some("P"),
            Row::S => Some("S"),
            _ => None,
        }
    }

    /// Writes the labels of `example` to `out`, `[rows, T]`. Where the curves of two phases add up
    /// to more than 1 they are scaled down to 1, so that a softmax can reach them.
    pub(super) fn write(&self, example: &Example, rows: &[Row], out: &mut [f32]) {
        let samples = example.samples;
        out.fill(0.0);
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(samples.max(1))) {
            match row {
                Row::P | Row::S => self.curves(example, *row, out),
                Row::Detection => self.detections(example, out),
                Row::Noise => {}
            }
        }
        if let Some(noise) = rows.iter().position(|row| *row == Row::Noise) {
            fill_noise(rows, noise, samples, out);
        }
    }

    fn curves(&self, example: &Example, row: Row, out: &mut [f32]) {
        for pick in example.picks.iter().filter(|pick| self.row_of(&pick.phase) == Some(row)) {
            let stated = pick.uncertainty.filter(|_| self.widen_by_uncertainty).unwrap_or(0.0);
            let width = self.width_seconds.max(stated) * example.rate_hz;
            let reach = match self.shape {
                LabelShape::Gaussian => 3.0 * width,
                LabelShape::Triangle | LabelShape::Box => width,
            };
            let first = (pick.sample - reach).ceil().max(0.0);
            let last = (pick.sample + reach).floor().min(out.len() as f64 - 1.0);
            if last < first {
                continue;
            }
            for (at, out) in out.iter_mut().enumerate().take(last as usize + 1).skip(first as usize)
            {
                let distance = (at as f64 - pick.sample) / width;
                let value = match self.shape {
                    LabelShape::Gaussian => (-0.5 * distance * distance).exp(),
                    LabelShape::Triangle => (1.0 - distance.abs()).max(0.0),
                    LabelShape::Box => 1.0,
                };
                *out = out.max(value as f32);
            }
        }
    }

    /// Sets `observed`, `[rows, T]`, to 0 where [`Self::mask_missing_seconds`] says so.
    pub(super) fn mask(&self, example: &Example, observed: &mut [f32]) {
        let missing = self.mask_missing_seconds * example.rate_hz;
        if missing <= 0.0 {
            return;
        }
        // The curve of the arrival itself counts.
        let own = 3.0 * self.width_seconds * example.rate_hz;
        for event in events_of(example) {
            let of = |row: Row| self.first(example, event, row);
            let (from, until) = match (of(Row::P), of(Row::S)) {
                (Some(p), None) => (p + own, p + missing),
                (None, Some(s)) => (s - missing, s - own),
                _ => continue,
            };
            let end = example.samples as f64;
            let (from, until) = (from.ceil().clamp(0.0, end), until.ceil().clamp(0.0, end));
            if until > from {
                for row in observed.chunks_exact_mut(example.samples) {
                    row[from as usize..until as usize].fill(0.0);
                }
            }
        }
    }

    /// The first arrival of an event that counts as `row`, in samples.
    fn first(&self, example: &Example, event: usize, row: Row) -> Option<f64> {
        let of_event = example.picks.iter().filter(|pick| pick.event == event);
        let mine = of_event.filter(|pick| self.row_of(&pick.phase) == Some(row));
        mine.map(|pick| pick.sample).min_by(f64::total_cmp)
    }

    /// 1 from the first P of each event to `detection_factor · (S - P)` behind its S.
    fn detections(&self, example: &Example, out: &mut [f32]) {
        for event in events_of(example) {
            let first = |row: Row| self.first(example, event, row);
            let alone = self.detection_seconds * example.rate_hz;
            let (start, end) = match (first(Row::P), first(Row::S)) {
                (Some(p), Some(s)) if s > p => (p, s + self.detection_factor * (s - p)),
                (Some(start), _) | (None, Some(start)) => (start, start + alone),
                (None, None) => continue,
            };
            let (start, end) = (start.round().max(0.0), end.round().min(out.len() as f64 - 1.0));
            if end >= start {
                out[start as usize..=end as usize].fill(1.0);
            }
        }
    }
}

fn events_of(example: &Example) -> Vec<usize> {
    let mut events: Vec<usize> = example.picks.iter().map(|pick| pick.event).collect();
    events.sort_unstable();
    events.dedup();
    events
}

fn fill_noise(rows: &[Row], noise: usize, samples: usize, out: &mut [f32]) {
    for at in 0..samples {
        let phases = || rows.iter().enumerate().filter(|(_, row)| matches!(row, Row::P | Row::S));
        let sum: f32 = phases().map(|(row, _)| out[row * samples + at]).sum();
        if sum > 1.0 {
            for (row, _) in phases() {
                out[row * samples + at] /= sum;
            }
        }
        out[noise * samples + at] = (1.0 - sum).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::tests::example;
    use super::*;

    fn labels(settings: &LabelSettings, example: &Example, rows: &[Row]) -> Vec<f32> {
        let mut out = vec![7.0; rows.len() * example.samples];
        settings.write(example, rows, &mut out);
        out
    }

    const NPS: [Row; 3] = [Row::Noise, Row::P, Row::S];

    #[test]
    fn a_gaussian_has_its_height_and_width() {
        let settings = LabelSettings::default();
        let out = labels(&settings, &example(200, 50.0, 120.5), &NPS);
        assert_eq!(out.len(), 600);
        let (noise, p, s) = (&out[..200], &out[200..400], &out[400..]);
        assert_eq!(p[50], 1.0);
        // One width (10 samples) away; cut off beyond three.
        assert!((p[60] - (-0.5f32).exp()).abs() < 1e-6 && p[40] == p[60]);
        assert!(p[80] > 0.0 && p[81] == 0.0);
        // An arrival between samples is as near to one as to the other.
        assert_eq!(s[120], s[121]);
        for at in 0..200 {
            assert!((noise[at] + p[at] + s[at] - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn triangle_and_box_end_at_their_width() {
        let shape = |shape| LabelSettings { shape, width_seconds: 0.2, ..LabelSettings::default() };
        let of = |settings| labels(&settings, &example(200, 50.0, 120.0), &[Row::P]);
        let triangle = of(shape(LabelShape::Triangle));
        assert_eq!([triangle[30], triangle[40], triangle[50], triangle[70]], [0.0, 0.5, 1.0, 0.0]);
        let square = of(shape(LabelShape::Box));
        assert_eq!([square[29], square[30], square[70], square[71]], [0.0, 1.0, 1.0, 0.0]);
    }

    #[test]
    fn arrivals_that_run_together_stay_a_distribution() {
        let out = labels(&LabelSettings::default(), &example(100, 50.0, 52.0), &NPS);
        for at in 0..100 {
            let column = [out[at], out[100 + at], out[200 + at]];
            assert!((column.iter().sum::<f32>() - 1.0).abs() < 1e-6 && column[0] >= 0.0);
        }
        assert!(out[150] > out[250] && out[50] == 0.0);
    }

    #[test]
    fn detections_last_beyond_s_and_reach_in_from_outside() {
        let settings = LabelSettings::default();
        let rows = [Row::Detection, Row::P];
        let out = labels(&settings, &example(300, 50.0, 100.0), &rows);
        // S + 1.4 (S - P) = 170.
        assert_eq!([out[49], out[50], out[170], out[171]], [0.0, 1.0, 1.0, 0.0]);
        // P lies before the window, S in it.
        let out = labels(&settings, &example(300, 50.0, 100.0).cut(80, 200), &rows);
        assert_eq!([out[0], out[90], out[91]], [1.0, 1.0, 0.0]);
        let mut alone = example(700, 50.0, 100.0);
        alone.picks.pop();
        let out = labels(&settings, &alone, &rows);
        assert_eq!([out[550], out[551]], [1.0, 0.0]);
    }

    #[test]
    fn where_a_phase_may_be_missing_nothing_counts() {
        let settings = LabelSettings { mask_missing_seconds: 1.0, ..LabelSettings::default() };
        let masked = |example: &Example| {
            let mut observed = vec![1.0; 3 * example.samples];
            settings.mask(example, &mut observed);
            observed
        };
        let mut alone = example(300, 50.0, 120.0);
        assert!(masked(&alone).iter().all(|&v| v == 1.0));
        alone.picks.pop();
        let observed = masked(&alone);
        assert_eq!([observed[79], observed[80], observed[149], observed[150]], [1., 0., 0., 1.]);
        assert_eq!(observed[300 + 100], 0.0);
        alone.picks[0].phase = "S".into();
        let observed = masked(&alone);
        assert_eq!([observed[0], observed[19], observed[20]], [0., 0., 1.]);
    }

    #[test]
    fn names_of_phases_are_mapped_and_uncertainty_widens() {
        let mut given = example(200, 50.0, 120.0);
        given.picks[0].phase = "Pg".into();
        given.picks[1].phase = "PcP".into();
        given.picks[0].uncertainty = Some(0.2);
        let settings = LabelSettings { widen_by_uncertainty: true, ..LabelSettings::default() };
        let out = labels(&settings, &given, &NPS);
        assert!((out[200 + 70] - (-0.5f32).exp()).abs() < 1e-6);
        assert!(out[400..].iter().all(|&v| v == 0.0));
        assert!(Row::named("Q").is_err() && Row::named("Detection").unwrap() == Row::Detection);
    }
}
