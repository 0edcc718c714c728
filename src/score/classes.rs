//! Scores of classes.

use super::events::{brier_parts, equal_mass_edges, roc_area};

/// Counts `[actual][predicted]` over all declared classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    /// Row: actual class; column: predicted class.
    pub counts: Vec<Vec<usize>>,
}

impl Confusion {
    /// From class indices below `classes`; pairs with an index beyond are not counted.
    pub fn new(actual: &[usize], predicted: &[usize], classes: usize) -> Self {
        let mut counts = vec![vec![0; classes]; classes];
        for (&actual, &predicted) in actual.iter().zip(predicted) {
            if actual < classes && predicted < classes {
                counts[actual][predicted] += 1;
            }
        }
        Self { counts }
    }

    fn total(&self) -> usize {
        self.counts.iter().flatten().sum()
    }

    fn hits(&self, class: usize) -> usize {
        self.counts[class][class]
    }

    /// Number of samples of a class.
    pub fn support(&self, class: usize) -> usize {
        self.counts[class].iter().sum()
    }

    fn predicted(&self, class: usize) -> usize {
        self.counts.iter().map(|row| row[class]).sum()
    }

    /// Share of samples that are right.
    pub fn accuracy(&self) -> f64 {
        let hits: usize = (0..self.counts.len()).map(|class| self.hits(class)).sum();
        ratio(hits, self.total())
    }

    /// Right among those predicted as `class`; 0 if none was.
    pub fn precision(&self, class: usize) -> f64 {
        ratio(self.hits(class), self.predicted(class))
    }

    /// Right among those that are `class`; 0 if none is.
    pub fn recall(&self, class: usize) -> f64 {
        ratio(self.hits(class), self.support(class))
    }

    /// Harmonic mean of precision and recall, 2·TP / (2·TP + FP + FN); 0 if undefined.
    pub fn f1(&self, class: usize) -> f64 {
        ratio(2 * self.hits(class), self.support(class) + self.predicted(class))
    }

    /// Mean F1 over all declared classes, also those that never occur: a class that is never
    /// found costs, whether or not this sample happens to hold it.
    pub fn macro_f1(&self) -> f64 {
        let classes = self.counts.len();
        (0..classes).map(|class| self.f1(class)).sum::<f64>() / classes as f64
    }

    /// Mean recall over the classes that occur.
    pub fn balanced_accuracy(&self) -> f64 {
        let present = (0..self.counts.len()).filter(|&class| self.support(class) > 0);
        let recalls: Vec<f64> = present.map(|class| self.recall(class)).collect();
        super::mean(&recalls)
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Classes with their probabilities, ready to be scored and resampled.
#[derive(Clone, Copy, Debug)]
pub struct ClassScores<'a> {
    /// Actual class of each sample, `[N]`.
    pub actual: &'a [usize],
    /// Probabilities `[N, C]`, row-major.
    pub probabilities: &'a [f64],
    /// Number of declared classes `C`, at least 1.
    pub classes: usize,
}

impl ClassScores<'_> {
    /// The most probable class of each sample, the first among equals, `[N]`.
    pub fn predicted(&self) -> Vec<usize> {
        let first_largest = |row: &[f64]| {
            (0..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best })
        };
        self.probabilities.chunks(self.classes.max(1)).map(first_largest).collect()
    }

    /// The confusion matrix.
    pub fn confusion(&self) -> Confusion {
        Confusion::new(self.actual, &self.predicted(), self.classes)
    }

    /// Mean over `rows` of Σ_c (p_c − y_c)² (Brier 1950): 0 for certainty that is right, 2 for
    /// certainty that is wrong.
    pub fn brier_of(&self, rows: &[usize]) -> f64 {
        let one = |row: usize| -> f64 {
            let p = &self.probabilities[row * self.classes..][..self.classes];
            let hit = |class: usize| f64::from(self.actual[row] == class);
            p.iter().enumerate().map(|(class, p)| (p - hit(class)).powi(2)).sum()
        };
        super::mean(&rows.iter().map(|&row| one(row)).collect::<Vec<_>>())
    }

    /// Expected calibration error of the class answered: the mean over ten bins of equally many
    /// samples of |mean probability − share that is right|.
    pub fn calibration_error(&self) -> f64 {
        let answers = self.predicted();
        let right: Vec<f64> =
            answers.iter().zip(self.actual).map(|(a, b)| f64::from(a == b)).collect();
        let rows = self.probabilities.chunks(self.classes.max(1)).zip(&answers);
        let p: Vec<f64> = rows.map(|(row, &class)| row[class]).collect();
        brier_parts(&right, &p, &equal_mass_edges(&p, 10)).calibration_error
    }

    /// Mean over the classes of the area under the ROC curve of one class against the rest;
    /// classes that do not occur (or are all there is) are left out.
    pub fn roc_area(&self) -> Option<f64> {
        let rows: Vec<usize> = (0..self.actual.len()).collect();
        self.roc_area_of(&rows)
    }

    /// [`Self::roc_area`] of a resample, for the bootstrap.
    pub fn roc_area_of(&self, rows: &[usize]) -> Option<f64> {
        let areas: Vec<f64> = (0..self.classes)
            .filter_map(|class| {
                let y: Vec<f64> =
                    rows.iter().map(|&row| f64::from(self.actual[row] == class)).collect();
                let p: Vec<f64> = rows
                    .iter()
                    .map(|&row| self.probabilities[row * self.classes + class])
                    .collect();
                roc_area(&y, &p)
            })
            .collect();
        if areas.is_empty() { None } else { Some(super::mean(&areas)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_of_a_small_confusion() {
        let confusion = Confusion::new(&[0, 0, 0, 1, 1], &[0, 0, 1, 1, 0], 3);
        assert_eq!(confusion.counts, [[2, 1, 0], [1, 1, 0], [0, 0, 0]]);
        assert_eq!(confusion.accuracy(), 0.6);
        assert_eq!(confusion.precision(0), 2.0 / 3.0);
        assert_eq!(confusion.f1(1), 0.5);
        // The third class is declared but absent: it counts in macro F1, not in balance.
        assert!((confusion.macro_f1() - (2.0 / 3.0 + 0.5) / 3.0).abs() < 1e-15);
        assert!((confusion.balanced_accuracy() - (2.0 / 3.0 + 0.5) / 2.0).abs() < 1e-15);
    }

    #[test]
    fn calibration_of_certainty() {
        let p = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0];
        let scores = |actual| ClassScores { actual, probabilities: &p, classes: 2 };
        let (right, wrong) = (scores(&[0, 0, 0, 0]), scores(&[0, 0, 0, 1]));
        let rows = [0, 1, 2, 3];
        assert_eq!((right.brier_of(&rows), right.calibration_error()), (0.0, 0.0));
        assert_eq!((wrong.brier_of(&rows), wrong.calibration_error()), (0.5, 0.25));
        assert_eq!(wrong.brier_of(&[3]), 2.0);
    }

    #[test]
    fn areas_leave_out_absent_classes() {
        let probabilities = [0.8, 0.1, 0.1, 0.2, 0.7, 0.1, 0.6, 0.3, 0.1];
        let scores = ClassScores { actual: &[0, 1, 0], probabilities: &probabilities, classes: 3 };
        assert_eq!(scores.predicted(), [0, 1, 0]);
        assert_eq!(scores.roc_area(), Some(1.0));
    }
}
