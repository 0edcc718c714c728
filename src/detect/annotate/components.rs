//! Which row of the network's input a channel belongs to.

/// Rows by the last letter of the channel code. Letters are case-sensitive.
#[derive(Clone, Debug, PartialEq)]
pub struct ComponentMap {
    rows: Vec<(char, usize)>,
    count: usize,
}

/// Horizontal components that may stand for one another.
const HORIZONTALS: [(char, char); 2] = [('N', '1'), ('E', '2')];

impl ComponentMap {
    /// The components of `order` (`ZNE`); with `flexible`, 1 stands for N and 2 for E and the
    /// other way round.
    pub fn new(order: &str, flexible: bool) -> Self {
        let mut rows: Vec<(char, usize)> = order.chars().zip(0..).collect();
        let count = rows.len();
        let row = |rows: &[(char, usize)], c: char| rows.iter().find(|r| r.0 == c).map(|r| r.1);
        for (a, b) in HORIZONTALS.into_iter().filter(|_| flexible) {
            match (row(&rows, a), row(&rows, b)) {
                (Some(of_a), None) => rows.push((b, of_a)),
                (None, Some(of_b)) => rows.push((a, of_b)),
                _ => {}
            }
        }
        Self { rows, count }
    }

    /// Number of rows.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The row of a channel; `None` if the network has none for it.
    pub fn row(&self, channel: &str) -> Option<usize> {
        let letter = channel.chars().next_back()?;
        self.rows.iter().find(|(c, _)| *c == letter).map(|(_, row)| *row)
    }

    /// Whether a channel's letter is one of the network's own, not its stand-in.
    pub fn is_own(&self, channel: &str) -> bool {
        let letter = channel.chars().next_back();
        self.rows.iter().take(self.count).any(|(c, _)| Some(*c) == letter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn horizontals_stand_for_one_another_where_asked() {
        let flexible = ComponentMap::new("ZNE", true);
        let rows = |map: &ComponentMap, channels: [&str; 6]| channels.map(|c| map.row(c));
        let channels = ["HHZ", "HH1", "HN2", "HHE", "HHz", ""];
        assert_eq!(rows(&flexible, channels), [Some(0), Some(1), Some(2), Some(2), None, None]);
        let exact = ComponentMap::new("ZNE", false);
        assert_eq!(rows(&exact, channels), [Some(0), None, None, Some(2), None, None]);
        let numbered = ComponentMap::new("Z12", true);
        assert_eq!((numbered.row("HHN"), numbered.row("HHE")), (Some(1), Some(2)));
        assert!(flexible.is_own("HHN") && !flexible.is_own("HH1") && numbered.is_own("HH1"));
        assert_eq!(flexible.count(), 3);
    }
}
