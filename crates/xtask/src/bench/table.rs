//! Figures as a table for people.

#![expect(clippy::print_stdout, reason = "the table is what a benchmark is run for")]

/// Something measured several times.
#[derive(Clone)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    /// What is aimed at, such as `< 300`; empty for none.
    pub(crate) goal: &'static str,
    pub(crate) values: Vec<f64>,
}

impl Figure {
    /// One that nothing has been measured of yet.
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, goal: &'static str) -> Self {
        Self { name: name.into(), unit, goal, values: Vec::new() }
    }

    /// Smallest, middle and largest value.
    fn spread(&self) -> Option<[f64; 3]> {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        Some([*sorted.first()?, *sorted.get(sorted.len() / 2)?, *sorted.last()?])
    }
}

pub(crate) fn print(figures: &[Figure]) {
    println!("{:<58} {:<6} {:>4} {:>9} {:>9} {:>9}  goal", "", "", "runs", "min", "median", "max");
    for figure in figures {
        let Figure { name, unit, goal, values } = figure;
        let Some(spread) = figure.spread() else { continue };
        let [min, median, max] = spread.map(three_figures);
        println!("{name:<58} {unit:<6} {:>4} {min:>9} {median:>9} {max:>9}  {goal}", values.len());
    }
}

/// As many places as tell something: ratios need two, thousands none.
fn three_figures(value: f64) -> String {
    match value.abs() {
        0.0 | 100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
