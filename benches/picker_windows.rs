//! Windows a second of pickers on one thread, by the number answered at once.
//!
//! `cargo bench --profile dev --bench picker_windows -- WEIGHTS…`

use std::path::Path;
use std::time::Instant;

use temblor::detect::{AmplitudeRule, Picker};

/// Windows of every timing.
const WINDOWS: usize = 256;

fn main() -> temblor::error::Result<()> {
    tch::set_num_threads(1);
    let weights: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    for path in weights {
        let picker = Picker::open(Path::new(&path), tch::Device::Cpu)?;
        let size = picker.settings().example().values_len();
        let samples: Vec<f32> =
            (0..size * WINDOWS).map(|i| ((i * 7919) % 10_007) as f32 - 5000.0).collect();
        print!("{path}:");
        for batch in [1, 2, 4, 8, 16, 32, 64, 128, 256] {
            let mut fastest = f64::INFINITY;
            for _ in 0..2 {
                let began = Instant::now();
                for part in samples.chunks(size * batch) {
                    picker.probabilities(part, part.len() / size, AmplitudeRule::Relative)?;
                }
                fastest = fastest.min(began.elapsed().as_secs_f64());
            }
            print!(" {batch}: {:.0}/s", WINDOWS as f64 / fastest);
        }
        println!();
    }
    Ok(())
}
