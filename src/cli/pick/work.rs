//! A run over its share of the units.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::Args;
use super::outcome::{self, Kept, Outcome};
use super::pictures::Pictures;
use super::plan::Plan;
use super::run::{Job, Rules};
use super::shards::Header;
use super::units::{self, Unit, places, station_days, streams};
use crate::detect::annotate::Workers;
use crate::detect::annotate::instruments::{Instrument, instruments};
use crate::error::{Error, Result};
use crate::progress::note;
use crate::read::{Archive, StreamId};

/// The data and where work on them is kept.
pub struct Work<'a> {
    pub archive: &'a Archive,
    pub plan: &'a Plan,
    pub folder: &'a Path,
    pub kept: &'a Kept,
    pub workers: &'a Workers,
}

impl Work<'_> {
    /// Outcomes of this run's share of the units, and faults.
    pub fn done(&self, args: &Args, weights: &str) -> Result<(Header, Vec<Outcome>, Vec<String>)> {
        let plan = self.plan;
        for warning in &plan.warnings {
            note(format_args!("--seisbench: {warning}"));
        }
        let used = format!("{:?} {:?} {}", plan.settings, plan.stretches, plan.as_seisbench);
        let drawn = format!("{} {}", args.annotations, args.pictures.key());
        let fixed = [env!("CARGO_PKG_VERSION"), weights, &used, &drawn];
        let key = |channels: &[&StreamId]| {
            let lines: Vec<String> = fixed
                .iter()
                .map(|text| text.to_string())
                .chain(channels.iter().flat_map(|id| self.archive.provenance(id)))
                .collect();
            outcome::hash(lines.iter().map(String::as_bytes))
        };
        let (found, gone): (Vec<Instrument>, Vec<StreamId>);
        let all_places;
        let (units, rules, keys): (Vec<Unit>, Rules<'_>, Vec<String>) = if plan.as_seisbench {
            all_places = places(self.archive);
            let (units, divided) = streams(&all_places);
            if divided {
                note("records longer than two days are picked day by day, each a stream");
            }
            let of = |p: &units::Place| key(&p.channels.iter().collect::<Vec<_>>());
            let keys = all_places.iter().map(of).collect();
            (units, Rules::SeisBench { places: &all_places }, keys)
        } else {
            (found, gone) = instruments(self.archive, &plan.stretches)?;
            if !gone.is_empty() {
                let names: Vec<String> = gone.iter().take(10).map(StreamId::to_string).collect();
                note(format_args!(
                    "{} channels are no component of {} and left out: {}",
                    gone.len(),
                    plan.picker.components,
                    names.join(", ")
                ));
            }
            let units = station_days(self.archive, &found);
            let of = |i: &Instrument| key(&i.components.iter().map(|c| &c.id).collect::<Vec<_>>());
            let keys = found.iter().map(of).collect();
            (units, Rules::Own { instruments: &found, filters: &plan.filters }, keys)
        };
        if units.is_empty() {
            return Err(Error::data(format!(
                "no channel is a component of {}; with --map-channel FROM=TO say which is which",
                plan.picker.components
            )));
        }
        let numbers: Vec<usize> = (0..units.len()).collect();
        let chosen = args.shard.map_or(numbers.clone(), |shard| shard.share(numbers));
        let header = Header {
            key: outcome::hash(keys.iter().map(String::as_bytes)),
            distance_s: args.min_distance,
            pair_s: args.pair,
            phasenet: args.phasenet_csv,
            quakeml: args.quakeml,
            settings: json!({
                "temblor": env!("CARGO_PKG_VERSION"),
                "weights": weights,
                "picker": plan.picker.listed().into_iter().collect::<BTreeMap<_, _>>(),
                "used": plan.used(),
                "min_distance_s": args.min_distance,
                "pair_s": args.pair,
            }),
        };
        let job = Job {
            archive: self.archive,
            picker: &plan.picker,
            settings: &plan.settings,
            rules,
            workers: self.workers,
            out: self.folder,
            kept: self.kept,
            annotations: args.annotations,
            pictures: Pictures {
                flags: &args.pictures,
                archive: self.archive,
                labels: &plan.picker.labels,
                settings: &plan.settings.annotate,
                out: self.folder,
            },
            keys: &keys,
        };
        let (outcomes, faults) = job.run(&units, &chosen)?;
        Ok((header, outcomes, faults))
    }
}
