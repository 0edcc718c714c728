//! What is known of examples beside their samples, as features of a floor that sees nothing else:
//! what it scores, a network may have learnt from station or camera.

use std::collections::BTreeMap;

use super::floors::FeatureTable;
use crate::data::ImageSet;

/// Stands for an empty cell of a column of numbers.
const EMPTY: f64 = -1.0;

/// Features of columns of text cells, `[columns][N]`. Numbers stay numbers; of stream identifiers
/// (`NET.STA.LOC.CHA`) network, station and channel, of other texts each value becomes a feature
/// that is 1 or 0.
pub fn of_columns(columns: &[Vec<String>]) -> FeatureTable {
    let rows = columns.first().map_or(0, Vec::len);
    let mut features: Vec<Vec<f64>> = Vec::new();
    for cells in columns {
        let number = |cell: &String| match cell.trim() {
            "" => Some(EMPTY),
            text => text.parse::<f64>().ok().filter(|value| value.is_finite()),
        };
        if let Some(numbers) = cells.iter().map(number).collect::<Option<Vec<f64>>>() {
            features.push(numbers);
        } else if cells.iter().all(|cell| cell.split('.').count() == 4) {
            let part = |parts: &[usize]| -> Vec<String> {
                let pick = |cell: &String| {
                    let all: Vec<&str> = cell.split('.').collect();
                    parts.iter().map(|&p| all[p]).collect::<Vec<_>>().join(".")
                };
                cells.iter().map(pick).collect()
            };
            for parts in [&[0][..], &[0, 1], &[3]] {
                features.extend(indicators(&part(parts)));
            }
        } else {
            features.extend(indicators(cells));
        }
    }
    let width = features.len();
    let values = (0..rows).flat_map(|row| features.iter().map(move |column| column[row]));
    FeatureTable { width, values: values.collect() }
}

/// One column a distinct text.
fn indicators(cells: &[String]) -> Vec<Vec<f64>> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for cell in cells {
        let next = places.len();
        places.entry(cell.trim()).or_insert(next);
    }
    let mut columns = vec![vec![0.0; cells.len()]; places.len()];
    for (row, cell) in cells.iter().enumerate() {
        columns[places[cell.trim()]][row] = 1.0;
    }
    columns
}

/// Bytes, width and height of each file as stored, and the mean spread between its channels.
pub fn of_images(stored: &[[f64; 3]], set: &ImageSet) -> FeatureTable {
    let mut values = Vec::with_capacity(stored.len() * 4);
    for (image, stored) in stored.iter().enumerate() {
        let pixels = set.image(image).chunks_exact(set.channels);
        let spread = pixels.map(|pixel| {
            let (low, high) = pixel.iter().fold((u8::MAX, 0), |(l, h), &v| (l.min(v), h.max(v)));
            f64::from(high) - f64::from(low)
        });
        values.extend(stored);
        values.push(spread.sum::<f64>() / (set.height * set.width) as f64);
    }
    FeatureTable { width: 4, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(cells: [&str; 3]) -> Vec<String> {
        cells.map(String::from).to_vec()
    }

    #[test]
    fn numbers_stay_and_texts_become_indicators() {
        let table = of_columns(&[
            texts(["100.0", "", "40"]),
            texts(["UW.A..EHZ", "UW.B..EHZ", "CC.A..BHZ"]),
        ]);
        // rate; UW, CC; UW.A, UW.B, CC.A; EHZ, BHZ.
        assert_eq!(table.width, 8);
        assert_eq!(table.row(0), [100.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!(table.row(1), [-1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
        assert_eq!(table.row(2), [40.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0]);
        assert_eq!(of_columns(&[]).rows(), 0);
    }
}
