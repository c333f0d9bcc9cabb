//! Figures as a table for people.

#![expect(clippy::print_stdout, reason = "the table is what a benchmark is run for")]

/// Something measured several times.
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    /// What is aimed at, such as `< 300`; empty for none.
    pub(crate) goal: &'static str,
    pub(crate) values: Vec<f64>,
}

impl Figure {
    /// Smallest, middle and largest value.
    fn spread(&self) -> Option<[f64; 3]> {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        Some([*sorted.first()?, *sorted.get(sorted.len() / 2)?, *sorted.last()?])
    }
}

pub(crate) fn print(figures: &[Figure]) {
    println!("{:<34} {:<6} {:>4} {:>9} {:>9} {:>9}  goal", "", "", "runs", "min", "median", "max");
    for figure in figures {
        let Figure { name, unit, goal, values } = figure;
        let Some([min, median, max]) = figure.spread() else { continue };
        println!("{name:<34} {unit:<6} {:>4} {min:>9.1} {median:>9.1} {max:>9.1}  {goal}", values.len());
    }
}
