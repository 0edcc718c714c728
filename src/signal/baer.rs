//! The first arrival by the picker of Baer and Kradolfer (1987, Bull. Seismol. Soc. Am. 77,
//! 1437-1445), as ObsPy's `pk_baer`.

/// Parameters, those of the lengths in samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BaerPicker {
    /// How long the characteristic function may stay below `pick_level` before a trigger is judged.
    pub longest_drop: usize,
    /// Length of a trigger that makes it a pick.
    pub least_length: usize,
    /// Level of the characteristic function that triggers.
    pub pick_level: f64,
    /// Level below which its mean and deviation go on being updated.
    pub update_level: f64,
    /// Samples of noise from which both start.
    pub noise: usize,
    /// Samples behind a trigger within which its amplitude is taken.
    pub amplitude: usize,
}

/// A pick with the class of its quality.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaerPick {
    /// Sample that triggered. ObsPy names the one behind it.
    pub sample: usize,
    /// Upwards or not; `None` where the trace does not move there.
    pub up: Option<bool>,
    /// 0 (amplitude above 8 times the noise) to 4 (below 1.5).
    pub quality: u8,
}

impl BaerPick {
    /// As analysts write it: `IPU0`, `EPD3`.
    pub fn phase(&self) -> String {
        let onset = if self.quality < 2 { 'I' } else { 'E' };
        let motion = self.up.map_or("", |up| if up { "U" } else { "D" });
        format!("{onset}P{motion}{}", self.quality)
    }
}

/// Mean and deviation of the squared envelope of noise, growing.
#[derive(Default)]
struct Noise {
    sum: f32,
    squares: f32,
    count: f32,
    mean: f32,
    deviation: f32,
}

impl Noise {
    fn add(&mut self, value: f32) {
        self.sum += value;
        self.squares += value * value;
        self.count += 1.0;
        let variance =
            (self.count * self.squares - self.sum * self.sum) / (self.count * self.count);
        self.deviation = if variance >= 0.0 { variance.sqrt() } else { 1.0 };
        self.mean = self.sum / self.count;
    }
}

/// A trigger that is on.
struct Trigger {
    start: usize,
    below: usize,
    bonus: usize,
}

impl BaerPicker {
    /// The first pick of a trace `[T]` at `rate` Hz, if there is one. The first sample is left
    /// out.
    pub fn pick(&self, samples: &[f32], rate: f64) -> Option<BaerPick> {
        let rate = rate as f32;
        let (_, trace) = samples.split_first()?;
        let &first = trace.first()?;
        let scale = trace.iter().fold(0.0f32, |most, x| most.max(x.abs()));
        let (mut energy, mut slope) = self.start(trace, rate);
        let mut weight = energy / slope;
        let mut noise = Noise { deviation: 1.0, ..Noise::default() };
        let (mut before, mut characteristic) = (first, 0.0);
        // Largest amplitude so far, up to the end of a trigger, and before the first of them.
        let (mut amplitude, mut after, mut quiet) = (0i32, 0i32, 0i32);
        let (mut trigger, mut end) = (None::<Trigger>, 0);
        let (mut up, mut last) = (None, samples.len());
        for (i, &x) in (1..).zip(trace) {
            let change = (x - before) * rate;
            before = x;
            energy += x * x;
            slope += change * change;
            let envelope = (x * x + weight * (change * change)).powi(2);
            weight = energy / slope;
            if noise.deviation > 0.0 {
                characteristic = (envelope - noise.mean) / noise.deviation;
            }
            amplitude =
                amplitude.max(((256.0 * f64::from(x) / f64::from(scale) + 0.5) as i32).abs());
            if i <= end {
                after = amplitude;
            }
            let high = f64::from(characteristic) > self.pick_level && i > 2 * self.noise;
            match &mut trigger {
                None if high => {
                    trigger = Some(Trigger { start: i, below: 0, bonus: 1 });
                    end = i + self.amplitude;
                    if quiet == 0 {
                        quiet = amplitude;
                    }
                    if change != 0.0 {
                        up = Some(change > 0.0);
                    }
                }
                Some(on) if high => {
                    if f64::from(characteristic) > 4.0 * self.pick_level && on.below == 0 {
                        on.bonus += 2;
                    }
                    on.below = 0;
                }
                Some(on) => {
                    on.below += 1;
                    if on.below > self.longest_drop {
                        if i + on.bonus >= on.start + on.below + self.least_length {
                            last = i;
                            break;
                        }
                        trigger = None;
                    }
                }
                None => {}
            }
            if f64::from(characteristic) < self.update_level || i <= 2 * self.noise {
                noise.add(envelope);
            }
        }
        let on = trigger?;
        if last + on.bonus < on.start + on.below + self.least_length {
            return None;
        }
        let ratio = after as f32 / quiet as f32;
        let steps = [1.5, 4.0, 6.0, 8.0].iter().filter(|&&level| ratio > level).count();
        Some(BaerPick { sample: on.start, up, quality: 4 - steps as u8 })
    }

    /// Energy of the noise at the start of the trace, and of its slope.
    fn start(&self, trace: &[f32], rate: f32) -> (f32, f32) {
        let noise = &trace[..self.noise.min(trace.len())];
        noise.windows(2).fold((0.0, 0.0), |(energy, slope), pair| {
            let change = (pair[1] - pair[0]) * rate;
            (energy + pair[1] * pair[1], slope + change * change)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_picked_and_silence_is_not() {
        let picker = BaerPicker {
            longest_drop: 20,
            least_length: 60,
            pick_level: 7.0,
            update_level: 12.0,
            noise: 100,
            amplitude: 100,
        };
        let noise = |i: usize| ((i * 7919) % 101) as f32 / 101.0 - 0.5;
        let burst: Vec<f32> =
            (0..2000).map(|i| noise(i) * if i < 1200 { 1.0 } else { 60.0 }).collect();
        let pick = picker.pick(&burst, 100.0).unwrap();
        // As ObsPy 1.5.1 answers: the first loud sample counts as noise, hence the quality.
        assert_eq!((pick.sample + 1, pick.phase().as_str()), (1201, "EPD4"));
        for n in [0, 1, 2, 50, 2000] {
            assert_eq!(picker.pick(&vec![0.0; n], 100.0), None);
        }
    }
}
