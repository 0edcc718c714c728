//! `temblor synth`: made-up data for the demo, for tests, and for trying things out.

use std::path::PathBuf;

use clap::Subcommand;

use super::Outcome;
use crate::error::Result;
use crate::synth::{
    ArchiveSettings, SelfExciting, SyntheticArchive, TexturesSettings, WindowsSettings,
    write_textures, write_windows,
};
use crate::time::UtcTime;

/// Make a station archive, labelled waveform windows or rock-texture images, with the truth beside them.
///
/// The same seed and settings give the same bytes on the same machine, whatever the number of threads.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// A station archive: miniSEED in SDS layout, catalogue, arrivals and truth.
    ///
    /// DIR/archive holds the files; DIR/catalogue.csv the events, DIR/arrivals.csv when their
    /// waves arrive, DIR/tremor.csv the true strength of the tremor, DIR/truth.json the gaps and
    /// all settings. Example: temblor synth archive --out volcano --days 10 --stations 2
    Archive(ArchiveArgs),
    /// Labelled waveform windows of earthquakes, explosions, surface events and noise.
    ///
    /// DIR/windows.npy holds the samples (windows, samples), DIR/index.csv a row a window with
    /// label, event (the group), station and fold. Example: temblor synth windows --out windows
    Windows(WindowsArgs),
    /// Images of four rock textures, a folder a class.
    ///
    /// DIR/CLASS holds the images, DIR/index.csv a row an image with class, rock sample (the
    /// group) and fold. Example: temblor synth images --out textures
    Images(ImagesArgs),
}

/// Where to, and from which seed.
#[derive(clap::Args)]
struct Output {
    /// Folder to make.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace DIR if it was made by this command; any other folder with content is refused.
    #[arg(long)]
    force: bool,
    /// Decides everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(clap::Args)]
struct ArchiveArgs {
    #[command(flatten)]
    output: Output,
    /// Number of days.
    #[arg(long, default_value_t = 2)]
    days: usize,
    /// Number of stations.
    #[arg(long, default_value_t = 1)]
    stations: usize,
    /// First day, UTC.
    #[arg(long, default_value = "2024-01-01")]
    start: UtcTime,
    /// Components, some of Z, N, E.
    #[arg(long, default_value = "Z")]
    components: String,
    /// Samples a second, 20 to 500.
    #[arg(long, default_value_t = 50, value_name = "HZ")]
    rate: u32,
    /// Gaps a day and station; their total over all days is this times days, rounded.
    #[arg(long, default_value_t = 0.5, value_name = "NUMBER")]
    gaps_per_day: f64,
    /// Factor on the volcanic tremor; 0 for none.
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    tremor: f64,
    /// Background earthquakes a day, each of which may excite more.
    #[arg(long, default_value_t = 24.0, value_name = "NUMBER")]
    earthquakes_per_day: f64,
    /// Mean number of direct aftershocks of an earthquake, 0 to 0.9.
    #[arg(long, default_value_t = 0.55, value_name = "RATIO")]
    branching_ratio: f64,
}

#[derive(clap::Args)]
struct WindowsArgs {
    #[command(flatten)]
    output: Output,
    /// Events of each of the three kinds.
    #[arg(long, default_value_t = 40, value_name = "NUMBER")]
    events_per_class: usize,
    /// Stations that record an event, 1 to 12.
    #[arg(long, default_value_t = 2, value_name = "NUMBER")]
    stations: usize,
    /// Samples a second, 20 to 500.
    #[arg(long, default_value_t = 40, value_name = "HZ")]
    rate: u32,
    /// Length of a window, 10 to 60 s.
    #[arg(long, default_value_t = 45)]
    seconds: u32,
}

#[derive(clap::Args)]
struct ImagesArgs {
    #[command(flatten)]
    output: Output,
    /// Images of each class.
    #[arg(long, default_value_t = 60, value_name = "NUMBER")]
    per_class: usize,
    /// Rock samples of each class.
    #[arg(long, default_value_t = 15, value_name = "NUMBER")]
    samples: usize,
    /// Width and height in pixels.
    #[arg(long, default_value_t = 128, value_name = "PIXELS")]
    size: u32,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    match args.what {
        What::Archive(args) => archive(args),
        What::Windows(args) => windows(args),
        What::Images(args) => images(args),
    }
}

fn windows(args: WindowsArgs) -> Result<Outcome> {
    let settings = WindowsSettings {
        seed: args.output.seed,
        events_per_class: args.events_per_class,
        stations_per_event: args.stations,
        rate: args.rate,
        seconds: args.seconds,
    };
    let count = write_windows(&settings, &args.output.out, args.output.force)?;
    println!("{}: {count} windows", args.output.out.display());
    Ok(Outcome::Done)
}

fn images(args: ImagesArgs) -> Result<Outcome> {
    let settings = TexturesSettings {
        seed: args.output.seed,
        per_class: args.per_class,
        samples_per_class: args.samples,
        size: args.size,
    };
    let count = write_textures(&settings, &args.output.out, args.output.force)?;
    println!("{}: {count} images", args.output.out.display());
    Ok(Outcome::Done)
}

fn archive(args: ArchiveArgs) -> Result<Outcome> {
    let settings = ArchiveSettings {
        seed: args.output.seed,
        start: args.start,
        days: args.days,
        stations: args.stations,
        components: args.components,
        rate: args.rate,
        gaps_per_day: args.gaps_per_day,
        tremor: args.tremor,
        earthquakes: SelfExciting {
            background_per_day: args.earthquakes_per_day,
            branching_ratio: args.branching_ratio,
            ..SelfExciting::default()
        },
    };
    let out = &args.output.out;
    let made = SyntheticArchive::new(settings)?.write(out, args.output.force)?;
    println!(
        "{}: {} day files, {:.1} MB, {} samples, {} gaps, {} events",
        out.display(),
        made.files,
        made.bytes as f64 / 1e6,
        made.samples,
        made.gaps,
        made.events
    );
    Ok(Outcome::Done)
}
