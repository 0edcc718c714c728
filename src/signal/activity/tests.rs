use super::*;
use crate::read::StreamId;
use crate::signal::{Band, butterworth, sosfilt};

const HZ: u64 = 40;

/// Seconds after an hour that is a multiple of every window here.
fn at(seconds: f64) -> UtcTime {
    UtcTime(1_600_000_000 / 3600 * 3600 * SECOND + (seconds * 1e9) as i64)
}

/// Deterministic noise with a slow drift and an offset.
fn counts(n: usize) -> Vec<i32> {
    let mut state = 7u64;
    (0..n)
        .map(|i| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            500 + (i / 1000) as i32 + (state >> 54) as i32
        })
        .collect()
}

fn piece(start: UtcTime, samples: &[i32]) -> Trace {
    let rate = SampleRate::from_ratio(HZ, 1).unwrap();
    Trace { id: StreamId::default(), start, rate, samples: Samples::I32(samples.to_vec()) }
}

fn rows(settings: &ActivitySettings, pieces: Vec<Trace>) -> Result<ActivityRows> {
    let mut activity = Activity::new(settings.clone())?;
    pieces.into_iter().try_for_each(|p| activity.push(p))?;
    activity.finish()
}

fn minutes() -> ActivitySettings {
    ActivitySettings { window: 60 * SECOND, ..ActivitySettings::default() }
}

fn column(rows: &ActivityRows, name: &str) -> Vec<f64> {
    let c = rows.names.iter().position(|n| *n == name).unwrap();
    rows.values.iter().skip(c).step_by(rows.names.len()).copied().collect()
}

fn same_bits(a: &ActivityRows, b: &ActivityRows) -> bool {
    let bits = |r: &ActivityRows| r.values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    a.start == b.start && bits(a) == bits(b)
}

#[test]
fn rsam_is_the_mean_of_the_filtered_trace_in_each_window() {
    let data = counts(10 * 60 * 40 + 17);
    let rows = rows(&minutes(), vec![piece(at(0.0), &data)]).unwrap();
    let mean = data.iter().map(|&x| f64::from(x)).sum::<f64>() / data.len() as f64;
    let demeaned: Vec<f64> = data.iter().map(|&x| f64::from(x) - mean).collect();
    let rate = SampleRate::from_ratio(HZ, 1).unwrap();
    let sections = butterworth(4, Band::BandPass(2.0, 5.0), rate).unwrap();
    let filtered = sosfilt(&sections, &demeaned);
    let expected: Vec<f64> = filtered
        .chunks_exact(2400)
        .map(|w| w.iter().map(|x| x.abs()).sum::<f64>() / 2400.0)
        .collect();
    assert_eq!(rows.start, at(0.0));
    assert_eq!(rows.rows(), 10, "the incomplete last window is dropped");
    for (found, expected) in column(&rows, "rsam").into_iter().zip(expected) {
        assert!((found / expected - 1.0).abs() < 1e-12);
    }
    assert!(column(&rows, "coverage").iter().all(|c| (c - 1.0).abs() < 1e-12));
}

#[test]
fn an_archive_in_many_files_equals_one_file_bit_for_bit() {
    let data = counts(26 * 3600 * 40);
    let settings = ActivitySettings::default();
    let whole = rows(&settings, vec![piece(at(0.0), &data)]).unwrap();
    for parts in [2, 7, 100] {
        let size = data.len() / parts + 13;
        let mut pieces = Vec::new();
        for (i, part) in data.chunks(size).enumerate() {
            // Real clocks wander by a fraction of a sample between files.
            let wander = if i % 2 == 1 { 0.0001 } else { 0.0 };
            pieces.push(piece(at((i * size) as f64 / 40.0 + wander), part));
        }
        assert!(same_bits(&rows(&settings, pieces).unwrap(), &whole), "{parts} files");
    }
}

#[test]
fn no_value_near_midnight_depends_on_where_a_file_ends() {
    let midnight = 1_600_000_000 / 86_400 * 86_400;
    let data = counts(3 * 3600 * 40);
    let start = UtcTime((midnight - 5400) * SECOND);
    // Windows of 7 min are not aligned to midnight: one of them holds it.
    let settings = ActivitySettings {
        window: 420 * SECOND,
        align: Align::FirstSample,
        features: Feature::all(),
        ..ActivitySettings::default()
    };
    let whole = rows(&settings, vec![piece(start, &data)]).unwrap();
    let (before, after) = data.split_at(5400 * 40);
    let days = vec![piece(start, before), piece(UtcTime(midnight * SECOND), after)];
    assert!(same_bits(&rows(&settings, days).unwrap(), &whole));
    let dsar = column(&whole, "dsar");
    let around = &dsar[11..15];
    let typical = dsar.iter().sum::<f64>() / dsar.len() as f64;
    assert!(around.iter().all(|d| (d / typical - 1.0).abs() < 0.05), "{around:?}, {typical}");
}

#[test]
fn displacement_does_not_remember_a_record_of_hours() {
    // Ten minutes of a huge earthquake and hours of drift, then the same noise as without them.
    let quiet = counts(3600 * 40);
    let mut long: Vec<i32> = (0..4 * 3600 * 40)
        .map(|i| if i < 24_000 { 1_000_000_000 * (i / 7 % 3 - 1) } else { i * 3000 })
        .collect();
    let drift = *long.last().unwrap();
    long.extend(quiet.iter().map(|x| x + drift));
    let after = rows(&ActivitySettings::default(), vec![piece(at(0.0), &long)]).unwrap();
    let alone = rows(&ActivitySettings::default(), vec![piece(at(0.0), &quiet)]).unwrap();
    for name in ["dsar", "dsar_median"] {
        // The first window settles.
        let (after, alone) = (&column(&after, name)[25..], &column(&alone, name)[1..]);
        for (a, b) in after.iter().zip(alone) {
            assert!((a / b - 1.0).abs() < 1e-8, "{name}: {a} {b}");
        }
    }
}

#[test]
fn kept_between_any_two_pieces_and_read_back_it_goes_on_to_the_same_bits() {
    // A gap within a window, another rate, the end of the first day; all at odd places.
    let data = counts(36 * 3600 * 40);
    let mut pieces: Vec<Trace> = (0..12)
        .map(|i| {
            let part = data.len() / 12;
            let gap = if i > 9 { 100.3 } else { 0.0 };
            piece(at((i * part) as f64 / 40.0 + gap), &data[i * part..(i + 1) * part])
        })
        .collect();
    if let Some(last) = pieces.last_mut() {
        last.rate = SampleRate::from_ratio(20, 1).unwrap();
    }
    let settings = ActivitySettings { features: Feature::all(), ..ActivitySettings::default() };
    let whole = rows(&settings, pieces.clone()).unwrap();
    let mut activity = Activity::new(settings).unwrap();
    let mut kept = 0;
    for piece in pieces {
        activity.push(piece).unwrap();
        if activity.settle().unwrap() {
            let text = serde_json::to_string(&activity).unwrap();
            activity = serde_json::from_str(&text).unwrap();
            kept += 1;
        }
    }
    assert_eq!(kept, 2, "not while the first day of a run is gathered");
    assert!(same_bits(&activity.finish().unwrap(), &whole));
}

#[test]
fn rows_are_the_same_on_any_number_of_threads() {
    let data = counts(2 * 3600 * 40);
    let settings = ActivitySettings { features: Feature::all(), ..minutes() };
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| rows(&settings, vec![piece(at(0.0), &data)]).unwrap())
    };
    let one = on(1);
    assert_eq!(one.rows(), 120);
    assert!(same_bits(&on(2), &one) && same_bits(&on(5), &one));
}

#[test]
fn a_sub_sample_start_keeps_all_samples_of_a_window() {
    let data = counts(30 * 60 * 40);
    for align in [Align::Epoch, Align::FirstSample] {
        let settings = ActivitySettings { align, ..ActivitySettings::default() };
        let rows = rows(&settings, vec![piece(at(0.019538), &data)]).unwrap();
        let start = if align == Align::Epoch { at(0.0) } else { at(0.019538) };
        assert_eq!(rows.start, start);
        assert_eq!(rows.rows(), 3);
        assert!(column(&rows, "coverage").iter().all(|c| (c - 1.0).abs() < 1e-12));
    }
}

#[test]
fn after_a_gap_the_filter_restarts_and_a_minute_is_dropped() {
    let data = counts(20 * 60 * 40);
    let (before, after) = data.split_at(5 * 60 * 40 + 1200);
    // Ten minutes are missing.
    let pieces = vec![piece(at(0.0), before), piece(at(930.0), after)];
    let rows = rows(&minutes(), pieces).unwrap();
    let coverage = column(&rows, "coverage");
    let rsam = column(&rows, "rsam");
    assert_eq!(rows.rows(), 30);
    assert!((coverage[5] - 0.5).abs() < 1e-12 && rsam[5].is_finite());
    assert!(coverage[6..16].iter().all(|c| *c == 0.0) && rsam[6..16].iter().all(|r| r.is_nan()));
    // Data come back at 930 s, count from 990 s on: half of the window from 960 s.
    assert!((coverage[16] - 0.5).abs() < 1e-12 && rsam[16].is_finite());
    assert!((coverage[17] - 1.0).abs() < 1e-12);
    // No step response: the drift over the gap would give hundreds of counts.
    assert!(rsam[16] < 2.0 * rsam[3], "{} {}", rsam[16], rsam[3]);
}

#[test]
fn non_finite_samples_are_a_gap_and_overlaps_are_left_out() {
    let data = counts(10 * 60 * 40);
    let mut floats: Vec<f32> = data.iter().map(|&x| x as f32).collect();
    floats[100 * 40] = f32::NAN;
    let mut broken = piece(at(0.0), &[]);
    broken.samples = Samples::F32(floats);
    let rows_of_broken = rows(&minutes(), vec![broken]).unwrap();
    let rsam = column(&rows_of_broken, "rsam");
    assert!(rsam[0].is_finite() && rsam[3..].iter().all(|x| x.is_finite()));
    let coverage = column(&rows_of_broken, "coverage");
    assert!(coverage[1] < 0.7 && coverage[2] < 0.7 && coverage[3] == 1.0);

    let whole = rows(&minutes(), vec![piece(at(0.0), &data)]).unwrap();
    let overlapping = vec![
        piece(at(0.0), &data[..12_000]),
        piece(at(100.0), &data[4000..8000]),
        piece(at(200.0), &data[8000..]),
    ];
    assert!(same_bits(&rows(&minutes(), overlapping).unwrap(), &whole));
}

#[test]
fn a_slow_rate_leaves_high_bands_missing() {
    let mut slow = piece(at(0.0), &counts(600 * 20));
    slow.rate = SampleRate::from_ratio(20, 1).unwrap();
    let rows = rows(&minutes(), vec![slow]).unwrap();
    assert!(column(&rows, "rsam").iter().all(|x| x.is_finite()));
    assert!(column(&rows, "mf").iter().all(|x| x.is_finite()));
    assert!(column(&rows, "hf").iter().all(|x| x.is_nan()));
    assert!(column(&rows, "dsar").iter().all(|x| x.is_nan()));
}

#[test]
fn a_span_takes_windows_that_lie_inside() {
    let data = counts(10 * 60 * 40);
    let span = Span { start: at(120.0), end: at(361.0) };
    let part = rows(&ActivitySettings { span, ..minutes() }, vec![piece(at(0.0), &data)]).unwrap();
    let whole = rows(&minutes(), vec![piece(at(0.0), &data)]).unwrap();
    assert_eq!((part.start, part.rows()), (at(120.0), 4));
    assert_eq!(column(&part, "rsam"), column(&whole, "rsam")[2..6]);
}

#[test]
fn hopeless_requests_and_times_are_errors() {
    let data = counts(120 * 40);
    let far = piece(UtcTime(i64::MAX - 3600 * SECOND), &data);
    let early = piece(UtcTime(i64::MIN), &data);
    let settings = ActivitySettings { window: SECOND, ..ActivitySettings::default() };
    let error = rows(&settings, vec![early, far]).unwrap_err();
    assert!(error.to_string().contains("windows"), "{error}");
    assert!(rows(&minutes(), Vec::new()).is_err());
    assert!(rows(&minutes(), vec![piece(at(0.0), &[1, 2, 3])]).is_err());
    assert!(Activity::new(ActivitySettings { window: 0, ..minutes() }).is_err());
    assert!(Activity::new(ActivitySettings { features: Vec::new(), ..minutes() }).is_err());
    assert!(Feature::named("tremor").unwrap_err().to_string().contains("rsam"));
}
