//! Traces with picks as examples for the trainer: `[C, T]` in, labels `[K, T]` out.

use rand::RngExt;

use super::augmentation::{Fetch, Step, apply_steps, check_steps};
use super::example::{Example, ExamplePick};
use super::labels::{LabelSettings, Row};
use super::trace_set::{LabelledTrace, TraceSet};
use super::window::RandomWindow;
use crate::data::{Dataset, ExampleSpec, Layout, Rng, Slot, Target};
use crate::error::{Error, Result};

/// What examples look like.
#[derive(Clone, Debug, PartialEq)]
pub struct PickDatasetSettings {
    /// Letters of the rows in the network's order.
    pub components: String,
    /// The network's labels: `N`, `P`, `S`, `Detection`.
    pub labels: Vec<String>,
    /// Samples of a window.
    pub samples: usize,
    /// The rate all traces must have, Hz; any if absent.
    pub rate_hz: Option<f64>,
    /// The labels' curves.
    pub label: LabelSettings,
    /// What is done to each window.
    pub steps: Vec<Step>,
}

/// What is done to a finished window `[C, T]` before the network reads it.
pub type Prepare<'a> = &'a (dyn Fn(&mut [f32]) -> Result<()> + Sync);

/// Some traces of a set as a [`Dataset`].
pub struct PickDataset<'a> {
    set: &'a TraceSet,
    members: Vec<usize>,
    settings: PickDatasetSettings,
    rows: Vec<Row>,
    noise: Vec<usize>,
    events: Vec<usize>,
    prepare: Prepare<'a>,
}

impl<'a> PickDataset<'a> {
    /// `members` are numbers of traces in `set`; steps take further traces from them alone.
    ///
    /// # Errors
    /// Settings that cannot be meant; labels without a rule; traces of another rate.
    pub fn new(
        set: &'a TraceSet,
        members: Vec<usize>,
        settings: PickDatasetSettings,
        prepare: Prepare<'a>,
    ) -> Result<Self> {
        settings.label.check()?;
        check_steps(&settings.steps)?;
        if settings.samples == 0 || settings.components.is_empty() {
            return Err(Error::usage("windows of no samples or components"));
        }
        let rows = settings.labels.iter().map(|name| Row::named(name)).collect::<Result<_>>()?;
        for &member in &members {
            let trace = &set.traces[member];
            let hz = trace.rate.hz();
            if let Some(expected) = settings.rate_hz
                && (hz / expected - 1.0).abs() > 1e-4
            {
                return Err(Error::data(format!(
                    "{} has {hz} Hz, the picker reads {expected} Hz; build the data set with \
                     --rate {expected}",
                    trace.name
                )));
            }
        }
        let is = |wanted: fn(&LabelledTrace) -> bool| -> Vec<usize> {
            members.iter().copied().filter(|&member| wanted(&set.traces[member])).collect()
        };
        let (noise, events) = (is(LabelledTrace::is_noise), is(|trace| !trace.picks.is_empty()));
        Ok(Self { set, members, settings, rows, noise, events, prepare })
    }

    /// The whole trace behind example number `example`, without any step.
    pub fn whole(&self, example: usize) -> Result<Example> {
        self.whole_trace(self.members[example])
    }

    /// Trace number `trace` whole, rows in the network's order, missing samples at the mean.
    fn whole_trace(&self, trace: usize) -> Result<Example> {
        let (about, values) = (&self.set.traces[trace], self.set.read(trace)?);
        let stored: Vec<char> = about.components.chars().map(plain).collect();
        let live: Vec<char> = about.live.chars().map(plain).collect();
        let components: Vec<char> = self.settings.components.chars().collect();
        let mut example = Example {
            values: vec![0.0; components.len() * about.samples],
            samples: about.samples,
            live: components.iter().map(|&letter| live.contains(&plain(letter))).collect(),
            components,
            picks: picks(about),
            rate_hz: about.rate.hz(),
        };
        for row in 0..example.components.len() {
            let letter = plain(example.components[row]);
            let from = stored.iter().position(|&stored| stored == letter);
            let Some(from) = from.filter(|_| example.live[row]) else { continue };
            let values = &values[from * about.samples..][..about.samples];
            example.row_mut(row).copy_from_slice(values);
        }
        example.fill_missing();
        Ok(example)
    }

    /// The window of example number `example` after all steps.
    pub fn window(&self, example: usize, rng: &mut Rng) -> Result<Example> {
        let whole = self.whole(example)?;
        apply_steps(&self.settings.steps, whole, self.settings.samples, self, rng)
    }
}

fn plain(letter: char) -> char {
    match letter.to_ascii_uppercase() {
        '1' => 'N',
        '2' => 'E',
        other => other,
    }
}

/// The picks of a trace; those without an event's name belong to the trace's own.
fn picks(trace: &LabelledTrace) -> Vec<ExamplePick> {
    let mut events: Vec<&str> = vec![&trace.event];
    let mut picks = Vec::with_capacity(trace.picks.len());
    for pick in &trace.picks {
        let event = match events.iter().position(|&event| event == pick.event) {
            Some(event) => event,
            None if pick.event.is_empty() => 0,
            None => {
                events.push(&pick.event);
                events.len() - 1
            }
        };
        picks.push(ExamplePick {
            phase: pick.phase.clone(),
            sample: pick.sample,
            uncertainty: pick.uncertainty,
            polarity: match pick.polarity.as_str() {
                "positive" => 1,
                "negative" => -1,
                _ => 0,
            },
            event,
        });
    }
    picks
}

impl Fetch for PickDataset<'_> {
    fn noise(&self, samples: usize, rng: &mut Rng) -> Result<Option<Example>> {
        self.other(&self.noise, samples, rng)
    }

    fn event(&self, samples: usize, rng: &mut Rng) -> Result<Option<Example>> {
        self.other(&self.events, samples, rng)
    }
}

impl PickDataset<'_> {
    fn other(&self, among: &[usize], samples: usize, rng: &mut Rng) -> Result<Option<Example>> {
        if among.is_empty() {
            return Ok(None);
        }
        let trace = among[rng.random_range(0..among.len())];
        let whole = self.whole_trace(trace)?;
        Ok(Some(RandomWindow::default().apply(&whole, samples, rng)))
    }
}

impl Dataset for PickDataset<'_> {
    fn len(&self) -> usize {
        self.members.len()
    }

    fn spec(&self) -> ExampleSpec {
        ExampleSpec {
            layout: Layout::Waveform,
            values: vec![self.settings.components.chars().count(), self.settings.samples],
            features: 0,
            lengths: false,
            target: Target::Samples { labels: self.rows.len(), samples: self.settings.samples },
        }
    }

    fn group(&self, example: usize) -> usize {
        self.members[example]
    }

    fn name(&self, example: usize) -> String {
        self.set.traces[self.members[example]].name.clone()
    }

    fn write(&self, example: usize, rng: &mut Rng, slot: Slot<'_>) -> Result<()> {
        let mut window = self.window(example, rng)?;
        self.settings.label.write(&window, &self.rows, slot.target);
        (self.prepare)(&mut window.values)?;
        slot.values.copy_from_slice(&window.values);
        self.settings.label.mask(&window, slot.observed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::trace_set::tests::counting;
    use super::*;

    fn settings() -> PickDatasetSettings {
        PickDatasetSettings {
            components: "ENZ".into(),
            labels: vec!["P".into(), "S".into(), "N".into()],
            samples: 400,
            rate_hz: Some(100.0),
            label: LabelSettings::default(),
            steps: Vec::new(),
        }
    }

    fn written(data: &PickDataset<'_>, example: usize, seed: u64) -> (Vec<f32>, Vec<f32>) {
        let (mut values, mut target) = (vec![0.0; 1200], vec![0.0; 1200]);
        let slot = Slot {
            values: &mut values,
            features: &mut [],
            length: &mut 400,
            target: &mut target,
            observed: &mut [1.0; 1200],
            weight: &mut 1.0,
        };
        data.write(example, &mut Rng::seed_from_u64(seed), slot).unwrap();
        (values, target)
    }

    fn as_is(_: &mut [f32]) -> Result<()> {
        Ok(())
    }

    #[test]
    fn labels_lie_where_the_arrivals_are_after_every_step() {
        let set = counting(&[&[("P", 300.0), ("S", 420.0)], &[], &[("P", 700.0)]], 1000);
        let text = r#"
            [[steps]]
            step = "window"
            [[steps]]
            step = "shift"
            seconds = 0.5
            [[steps]]
            step = "gain"
            factor = [0.5, 2.0]
            [[steps]]
            step = "rotate"
            probability = 0.5
        "#;
        #[derive(serde::Deserialize)]
        struct Steps {
            steps: Vec<Step>,
        }
        let steps = toml::from_str::<Steps>(text).unwrap().steps;
        let with = PickDatasetSettings { steps, ..settings() };
        let data = PickDataset::new(&set, vec![0, 1, 2], with, &as_is).unwrap();
        for seed in 0..50 {
            let (values, target) = written(&data, 0, seed);
            // The vertical, last here, counts from minus 499.5 on, times the gain.
            let z = &values[800..];
            let step = |at: usize| z[at + 1] - z[at];
            let p = target[..400].iter().position(|&v| v == 1.0);
            let inside = p.filter(|&at| at < 399 && z[at] != 0.0 && z[at + 1] != 0.0);
            if let Some(at) = inside {
                let count = z[at] / step(at) + 499.5;
                assert!((count - 300.0).abs() < 0.1, "{count}");
            }
            let sums = (0..400).map(|t| target[t] + target[400 + t] + target[800 + t]);
            assert!(sums.into_iter().all(|sum| (sum - 1.0).abs() < 1e-5));
            assert_eq!(written(&data, 0, seed), (values, target));
            let (_, noise) = written(&data, 1, seed);
            assert!(
                noise[..800].iter().all(|&v| v == 0.0) && noise[800..].iter().all(|&v| v == 1.0)
            );
        }
        assert_eq!(data.spec().target, Target::Samples { labels: 3, samples: 400 });
    }

    #[test]
    fn rows_are_put_in_order_and_missing_ones_stay_empty() {
        let mut set = counting(&[&[("P", 100.0)], &[("P", 100.0)]], 400);
        set.traces[0].components = "12Z".into();
        set.traces[0].live = "12Z".into();
        set.traces[1].live = "Z".into();
        let data = PickDataset::new(&set, vec![0, 1], settings(), &as_is).unwrap();
        let whole = data.whole(0).unwrap();
        // Stored as 1, 2, Z: asked for as E, N, Z. All rows count; the mean is gone.
        assert_eq!(whole.live, [true; 3]);
        let (z_only, _) = written(&data, 1, 0);
        assert!(z_only[..800].iter().all(|&v| v == 0.0) && z_only[800..].iter().any(|&v| v != 0.0));
    }

    #[test]
    fn what_cannot_be_learned_from_is_refused() {
        let set = counting(&[&[("P", 100.0)]], 400);
        let refuse = |settings| PickDataset::new(&set, vec![0], settings, &as_is).err().unwrap();
        let rate = PickDatasetSettings { rate_hz: Some(50.0), ..settings() };
        assert!(refuse(rate).to_string().contains("--rate 50"));
        let labels = PickDatasetSettings { labels: vec!["0".into()], ..settings() };
        assert!(refuse(labels).to_string().contains("no labels for '0'"));
    }
}
