//! The simple classifiers that every network is shown beside: the largest class, logistic
//! regression and a random forest on hand-made features. The learners are smartcore's, which
//! knows no class weights: rows of small classes are repeated instead.

use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use smartcore::ensemble::random_forest_classifier::{
    RandomForestClassifier, RandomForestClassifierParameters,
};
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linear::logistic_regression::{LogisticRegression, LogisticRegressionParameters};

use crate::data::{Rng, derive_seed};
use crate::error::{Error, Result};

/// Rows of features, `[N, F]`.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureTable {
    /// Features a row `F`.
    pub width: usize,
    /// Row-major.
    pub values: Vec<f64>,
}

impl FeatureTable {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// One feature alone, `[N, 1]`.
    pub fn column(&self, column: usize) -> Self {
        let values = self.values.iter().skip(column).step_by(self.width.max(1));
        Self { width: 1, values: values.copied().collect() }
    }

    /// Row number `row`, `[F]`.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width..][..self.width]
    }
}

/// What a floor learns from and is asked for.
#[derive(Clone, Copy)]
pub struct FloorProblem<'a> {
    /// Features of all examples.
    pub features: &'a FeatureTable,
    /// Class of each example.
    pub labels: &'a [usize],
    /// Number of classes.
    pub classes: usize,
    /// Examples to learn from.
    pub train: &'a [usize],
    /// Examples to classify.
    pub test: &'a [usize],
}

/// A floor and its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Floor {
    /// The share of each class among the training examples.
    Majority,
    /// Multinomial logistic regression on standardised features, balanced classes.
    Logistic {
        /// Inverse strength of the penalty, as in scikit-learn.
        c: f64,
    },
    /// Random forest, balanced classes; probabilities are shares of votes.
    Forest {
        /// Number of trees.
        trees: usize,
        /// Smallest number of rows in a leaf.
        leaf: usize,
        /// Seed.
        seed: u64,
    },
}

/// The names of floors in tables, which no model may bear.
pub const FLOOR_NAMES: [&str; 5] = ["majority", "sta_lta", "logistic", "forest", "metadata"];

/// A floor with what it sees.
pub struct NamedFloor {
    /// One of [`FLOOR_NAMES`].
    pub name: &'static str,
    /// The learner.
    pub floor: Floor,
    /// Features of every example.
    pub features: FeatureTable,
}

impl Floor {
    /// Probabilities `[test, C]`, row-major. Classes absent from training get 0.
    ///
    /// # Errors
    /// Features that are not finite; training examples of fewer than two classes.
    pub fn classify(&self, problem: FloorProblem<'_>) -> Result<Vec<f64>> {
        if !problem.features.values.iter().all(|v| v.is_finite()) {
            return Err(Error::data("a feature is not a finite number"));
        }
        match *self {
            Self::Majority => Ok(majority(problem)),
            Self::Logistic { c } => logistic(problem, c),
            Self::Forest { trees, leaf, seed } => forest(problem, trees, leaf, seed),
        }
    }
}

fn majority(problem: FloorProblem<'_>) -> Vec<f64> {
    let counts = class_counts(problem);
    let total = problem.train.len().max(1) as f64;
    let shares: Vec<f64> = counts.iter().map(|&n| n as f64 / total).collect();
    shares.repeat(problem.test.len())
}

fn class_counts(problem: FloorProblem<'_>) -> Vec<usize> {
    let mut counts = vec![0; problem.classes];
    for &row in problem.train {
        counts[problem.labels[row]] += 1;
    }
    counts
}

/// Copies of the rows of an average class: at most 24, and fewer where many features make
/// them dear. The more, the closer repetition comes to true weights.
fn copies(problem: FloorProblem<'_>) -> f64 {
    let numbers = problem.train.len() * problem.features.width;
    (100_000 / numbers.max(1)).clamp(1, 24) as f64
}

fn logistic(problem: FloorProblem<'_>, c: f64) -> Result<Vec<f64>> {
    let (scaled, copies) = (standardised(problem), copies(problem));
    let counts = class_counts(problem);
    let present = counts.iter().filter(|&&n| n > 0).count();
    let rows: Vec<usize> = problem
        .train
        .iter()
        .flat_map(|&row| {
            let share = counts[problem.labels[row]] * present;
            let weight = problem.train.len() as f64 / share as f64;
            std::iter::repeat_n(row, (weight * copies).round().max(1.0) as usize)
        })
        .collect();
    let x = matrix(&scaled, &rows)?;
    let y: Vec<u32> = rows.iter().map(|&row| problem.labels[row] as u32).collect();
    let parameters = LogisticRegressionParameters::default().with_alpha(copies / c);
    let model = LogisticRegression::fit(&x, &y, parameters).map_err(refused)?;
    let (weights, offsets) = (numbers(model.coefficients()), numbers(model.intercept()));
    let known: Vec<usize> = model.classes().iter().map(|&class| class as usize).collect();
    let mut probabilities = Vec::with_capacity(problem.test.len() * problem.classes);
    for &row in problem.test {
        let score = |k: usize| -> f64 {
            let weights = &weights[k * scaled.width..][..scaled.width];
            offsets[k] + weights.iter().zip(scaled.row(row)).map(|(w, x)| w * x).sum::<f64>()
        };
        // Of two classes only the second has weights, the first scores 0.
        let scores = match known.len() {
            2 => vec![0.0, score(0)],
            several => (0..several).map(score).collect(),
        };
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = scores.iter().map(|s| (s - largest).exp()).sum();
        let mut line = vec![0.0; problem.classes];
        for (&class, score) in known.iter().zip(&scores) {
            line[class] = (score - largest).exp() / total;
        }
        probabilities.extend(line);
    }
    Ok(probabilities)
}

/// Row-major numbers of a small matrix.
fn numbers(matrix: &DenseMatrix<f64>) -> Vec<f64> {
    use smartcore::linalg::basic::arrays::Array;
    matrix.iterator(0).copied().collect()
}

/// Features less their mean over their standard deviation, both of the training rows.
fn standardised(problem: FloorProblem<'_>) -> FeatureTable {
    let features = problem.features;
    let count = problem.train.len().max(1) as f64;
    let mut values = features.values.clone();
    for column in 0..features.width {
        let of = |row: &usize| features.row(*row)[column];
        let mean = problem.train.iter().map(of).sum::<f64>() / count;
        let square = problem.train.iter().map(|r| (of(r) - mean).powi(2)).sum::<f64>() / count;
        let deviation = if square > 0.0 { square.sqrt() } else { 1.0 };
        for value in values.iter_mut().skip(column).step_by(features.width) {
            *value = (*value - mean) / deviation;
        }
    }
    FeatureTable { width: features.width, values }
}

/// Every tree is a forest of its own, so that its vote can be counted.
fn forest(problem: FloorProblem<'_>, trees: usize, leaf: usize, seed: u64) -> Result<Vec<f64>> {
    let test = matrix(problem.features, problem.test)?;
    let votes = (0..trees as u64)
        .into_par_iter()
        .map(|tree| {
            let seed = derive_seed(seed, &[tree]);
            let rows = balanced_rows(problem, &mut Rng::seed_from_u64(seed));
            let x = matrix(problem.features, &rows)?;
            let y: Vec<u32> = rows.iter().map(|&row| problem.labels[row] as u32).collect();
            let parameters = RandomForestClassifierParameters::default()
                .with_n_trees(1)
                .with_min_samples_leaf(leaf)
                .with_seed(seed);
            let model = RandomForestClassifier::fit(&x, &y, parameters).map_err(refused)?;
            model.predict(&test).map_err(refused)
        })
        .collect::<Result<Vec<Vec<u32>>>>()?;
    let mut probabilities = vec![0.0; problem.test.len() * problem.classes];
    for vote in &votes {
        for (row, &class) in vote.iter().enumerate() {
            probabilities[row * problem.classes + class as usize] += 1.0 / trees as f64;
        }
    }
    Ok(probabilities)
}

/// Training rows, those of small classes repeated until all classes are equally large.
fn balanced_rows(problem: FloorProblem<'_>, rng: &mut Rng) -> Vec<usize> {
    let mut members = vec![Vec::new(); problem.classes];
    for &row in problem.train {
        members[problem.labels[row]].push(row);
    }
    let largest = members.iter().map(Vec::len).max().unwrap_or(0);
    let mut rows = Vec::with_capacity(largest * problem.classes);
    for mut class in members.into_iter().filter(|class| !class.is_empty()) {
        for last in (1..class.len()).rev() {
            class.swap(last, rng.random_range(0..=last));
        }
        rows.extend(class.iter().cycle().take(largest));
    }
    rows
}

fn matrix(features: &FeatureTable, rows: &[usize]) -> Result<DenseMatrix<f64>> {
    let values: Vec<f64> = rows.iter().flat_map(|&row| features.row(row).to_vec()).collect();
    DenseMatrix::new(rows.len(), features.width, values, false).map_err(refused)
}

fn refused(error: smartcore::error::Failed) -> Error {
    Error::data(format!("floor: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three classes on a line with some overlap; the second is rare.
    fn problem() -> (FeatureTable, Vec<usize>) {
        let mut rng = Rng::seed_from_u64(4);
        let (mut values, mut labels) = (Vec::new(), Vec::new());
        for n in 0..300 {
            let class = if n % 10 == 0 { 1 } else { 2 * (n % 2) };
            values.push(class as f64 * 2.0 + rng.random_range(-1.3..1.3));
            values.push(rng.random_range(-1.0..1.0));
            labels.push(class);
        }
        (FeatureTable { width: 2, values }, labels)
    }

    #[test]
    fn learners_beat_the_majority_and_probabilities_add_up() {
        let (features, labels) = problem();
        let train: Vec<usize> = (0..200).collect();
        let test: Vec<usize> = (200..300).collect();
        let problem = FloorProblem {
            features: &features,
            labels: &labels,
            classes: 3,
            train: &train,
            test: &test,
        };
        let mut accuracies = Vec::new();
        for floor in [
            Floor::Majority,
            Floor::Logistic { c: 1.0 },
            Floor::Forest { trees: 30, leaf: 2, seed: 0 },
        ] {
            let p = floor.classify(problem).unwrap();
            assert!(p.chunks(3).all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-9));
            let right = p.chunks(3).zip(&test).filter(|(row, n)| {
                let best = (0..3).fold(0, |b, k| if row[k] > row[b] { k } else { b });
                best == labels[**n]
            });
            accuracies.push(right.count());
        }
        assert!(accuracies[1] > accuracies[0] + 20, "{accuracies:?}");
        assert!(accuracies[2] > accuracies[0] + 20, "{accuracies:?}");
    }

    #[test]
    fn a_feature_that_is_no_number_is_an_error() {
        let (mut features, labels) = problem();
        features.values[7] = f64::NAN;
        let rows: Vec<usize> = (0..300).collect();
        let problem = FloorProblem {
            features: &features,
            labels: &labels,
            classes: 3,
            train: &rows,
            test: &rows,
        };
        assert!(Floor::Logistic { c: 1.0 }.classify(problem).is_err());
    }
}
