//! `temblor models`: the networks there are, their settings, layers and sizes.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Outcome;
use crate::data::{ExampleSpec, Layout, Target};
use crate::error::{Error, Result};
use crate::model::layers::LayerRow;
use crate::model::{KINDS, ModelSpec};

/// List the networks; with a kind, print its settings or, with --summary, its layers, shapes and
/// parameter counts.
#[derive(clap::Args)]
pub struct Args {
    /// A kind of network, as listed.
    kind: Option<String>,
    /// Settings of the network from a TOML file, at its top or under [model], instead of the
    /// defaults of a kind.
    #[arg(long, value_name = "FILE", conflicts_with = "kind")]
    settings: Option<PathBuf>,
    /// Print layers, shapes and parameter counts.
    #[arg(long, requires = "input")]
    summary: bool,
    /// Shape of an example, without the batch axis: 60x3.
    #[arg(long, value_name = "SHAPE", value_parser = parse_shape)]
    input: Option<Shape>,
    /// What its axes are [default: series for two, image for three].
    #[arg(long, value_enum)]
    layout: Option<LayoutArg>,
    /// Width of the features that join the last layers.
    #[arg(long, default_value_t = 0)]
    features: usize,
    /// Numbers the network puts out for an example.
    #[arg(long, default_value_t = 1)]
    outputs: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone)]
struct Shape(Vec<usize>);

#[derive(Clone, Copy, clap::ValueEnum)]
enum LayoutArg {
    /// Time x channel.
    Series,
    /// Channel x time.
    Waveform,
    /// Channel x height x width.
    Image,
}

fn parse_shape(text: &str) -> Result<Shape, String> {
    let lengths: Result<Vec<usize>, _> = text.split('x').map(str::parse).collect();
    match lengths {
        Ok(lengths) if lengths.iter().all(|n| (1..=1 << 20).contains(n)) => Ok(Shape(lengths)),
        _ => Err(format!("expected lengths from 1 to {} joined by x, such as 60x3", 1 << 20)),
    }
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    let spec = match (&args.kind, &args.settings) {
        (Some(kind), _) => ModelSpec::of_kind(kind)?,
        (None, Some(file)) => read_settings(file)?,
        (None, None) if args.summary => {
            return Err(Error::usage("--summary needs a kind or --settings"));
        }
        (None, None) => return print(&list(args.json)?),
    };
    match args.input {
        Some(Shape(values)) => {
            let layout = layout(args.layout, &values);
            let example = ExampleSpec {
                layout,
                features: args.features,
                lengths: false,
                target: target(&spec, &values, args.outputs),
                values,
            };
            print(&summary(&spec, &example, args.outputs, args.json)?)
        }
        None if args.json => print(&format!("{}\n", json!(spec))),
        None => print(&toml::to_string(&spec).map_err(|e| Error::data(e.to_string()))?),
    }
}

/// A target that the network can have: its labels at every sample, or a number.
fn target(spec: &ModelSpec, values: &[usize], outputs: usize) -> Target {
    match values.last() {
        Some(&samples) if spec.answers_every_sample() => {
            Target::Samples { labels: outputs, samples }
        }
        _ => Target::Levels { horizons: 1 },
    }
}

fn layout(asked: Option<LayoutArg>, values: &[usize]) -> Layout {
    match (asked, values.len()) {
        (Some(LayoutArg::Series), _) => Layout::Series,
        (Some(LayoutArg::Waveform), _) => Layout::Waveform,
        (Some(LayoutArg::Image), _) | (None, 3) => Layout::Image,
        (None, _) => Layout::Series,
    }
}

fn print(text: &str) -> Result<Outcome> {
    std::io::stdout().write_all(text.as_bytes()).map_err(Error::io("standard output"))?;
    Ok(Outcome::Done)
}

fn read_settings(file: &Path) -> Result<ModelSpec> {
    let text = std::fs::read_to_string(file).map_err(Error::io(file))?;
    let fault = |e: toml::de::Error| {
        Error::usage(format!("{}: {}", file.display(), e.to_string().trim().replace('\n', " ")))
    };
    let mut table: toml::Table = toml::from_str(&text).map_err(fault)?;
    let model = match table.remove("model") {
        Some(model) => model,
        None => toml::Value::Table(table),
    };
    model.try_into().map_err(fault)
}

fn list(json: bool) -> Result<String> {
    if json {
        return Ok(format!("{}\n", json!(KINDS)));
    }
    let mut text = String::new();
    for entry in KINDS {
        let reads: Vec<&str> = entry
            .reads
            .iter()
            .map(|layout| match layout {
                Layout::Series => "series",
                Layout::Waveform => "waveforms",
                Layout::Image => "images",
            })
            .collect();
        text += &format!("{:14} {} [{}]\n", entry.kind, entry.about, reads.join(", "));
    }
    Ok(text)
}

fn summary(spec: &ModelSpec, example: &ExampleSpec, outputs: usize, json: bool) -> Result<String> {
    let (model, rows) = spec.build_with_summary(example, outputs, 0, tch::Device::Cpu)?;
    let total = model.parameter_count();
    if json {
        let summary = json!({
            "kind": spec.kind(),
            "input": example.values,
            "layout": example.layout,
            "features": example.features,
            "outputs": outputs,
            "layers": rows,
            "parameters": total,
        });
        return Ok(format!("{summary}\n"));
    }
    Ok(table(&rows, total))
}

fn table(rows: &[LayerRow], total: usize) -> String {
    let shape = |row: &LayerRow| {
        let lengths: Vec<String> = row.output.iter().map(i64::to_string).collect();
        format!("(N, {})", lengths.join(", "))
    };
    let widest = |of: &dyn Fn(&LayerRow) -> usize, least: usize| {
        rows.iter().map(of).max().unwrap_or(0).max(least)
    };
    let name = widest(&|r| r.name.chars().count(), 5);
    let kind = widest(&|r| r.kind.chars().count(), 4);
    let output = widest(&|r| shape(r).len(), 6);
    let mut text =
        format!("{:name$}  {:kind$}  {:output$}  parameters\n", "layer", "kind", "output");
    for row in rows {
        text += &format!(
            "{:name$}  {:kind$}  {:output$}  {:>10}\n",
            row.name,
            row.kind,
            shape(row),
            row.parameters
        );
    }
    text + &format!("{:name$}  {:kind$}  {:output$}  {total:>10}\n", "total", "", "")
}
