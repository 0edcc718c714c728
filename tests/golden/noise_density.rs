//! Probabilistic power spectral densities beside those of ObsPy 1.5.1 (`PPSD`, counts).

use std::path::Path;

use temblor::read::{Archive, ArchiveOptions};
use temblor::signal::NoiseDensity;
use temblor::time::Span;

use crate::shared;

/// Hour, bin, centre of the bin in seconds, level in dB, of CI.CCA..BHN on 2022-01-02. Bin 108 has
/// frequencies on its edges.
const OBSPY: [(usize, usize, f64, f64); 21] = [
    (0, 0, 0.0500000000, -8.13757),
    (0, 17, 0.2181015465, 15.51383),
    (0, 40, 1.6000000000, 32.56360),
    (0, 64, 12.8000000000, 30.85598),
    (0, 91, 132.7963703963, 46.42136),
    (0, 108, 579.2618751480, 44.31506),
    (0, 112, 819.2000000000, 44.31506),
    (21, 0, 0.0500000000, -7.79191),
    (21, 17, 0.2181015465, 4.72932),
    (21, 40, 1.6000000000, 31.44711),
    (21, 64, 12.8000000000, 31.36555),
    (21, 91, 132.7963703963, 45.58657),
    (21, 108, 579.2618751480, 45.22475),
    (21, 112, 819.2000000000, 45.22475),
    (46, 0, 0.0500000000, -6.07485),
    (46, 17, 0.2181015465, 14.85621),
    (46, 40, 1.6000000000, 28.94730),
    (46, 64, 12.8000000000, 35.02428),
    (46, 91, 132.7963703963, 46.23696),
    (46, 108, 579.2618751480, 45.65562),
    (46, 112, 819.2000000000, 45.65562),
];

#[test]
fn hours_have_the_levels_that_obspy_finds() {
    let Some(folder) = shared::path("data/waveforms/continuous_station/archive/2022") else {
        return;
    };
    let paths = [Path::new(&folder).to_path_buf()];
    let (archive, _) = Archive::open(&paths, &ArchiveOptions::default()).unwrap();
    let id = &archive.channels()[0];
    let mut density = NoiseDensity::new(archive.rate(id).unwrap(), |_| 1.0).unwrap();
    let mut continued = false;
    for piece in archive.pieces_within(id, Span::ALL) {
        let piece = piece.unwrap();
        density.push(piece.start, piece.samples.to_f64().into_iter(), continued);
        continued = true;
    }
    let found = density.finish();
    assert_eq!((found.hours.len(), found.periods.len()), (47, 113));
    for (hour, bin, period, level) in OBSPY {
        assert!((found.periods[bin] / period - 1.0).abs() < 1e-8);
        let own = f64::from(found.hours[hour].1[bin]);
        assert!((own - level).abs() < 2e-5, "hour {hour}, {period} s: {own} beside {level}");
    }
}
