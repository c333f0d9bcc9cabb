//! Statements that insert many rows. They exist for a few numbers of rows only, so that each connection prepares them
//! once and keeps them: to parse a statement for a thousand rows takes as long as to run it.

use crate::pool::Transaction;

/// Rows of one statement, largest first. The largest, of a table with 24 columns, has 6,144 parameters, of 32,766 that
/// SQLite allows.
const SIZES: [usize; 4] = [256, 32, 4, 1];

/// The statements that insert into one table.
pub(crate) struct Insert {
    sqlite: [String; SIZES.len()],
    postgres: [String; SIZES.len()],
}

impl Insert {
    /// `columns` are separated by commas.
    pub(crate) fn into(table: &str, columns: &str) -> Self {
        Self::or(table, columns, NO_CONSTANTS, "")
    }

    /// Rows that have the same in some columns: what it is, as SQL, is part of the statement, and nothing is bound for it.
    pub(crate) fn with_constants(table: &str, columns: &str, constants: &[(&str, &str)]) -> Self {
        Self::or(table, columns, constants, "")
    }

    /// Where a row with the same key takes the place of the one that is there.
    pub(crate) fn replacing(table: &str, key: &str, columns: &str) -> Self {
        let columns = format!("{key}, {columns}");
        let set = |column: &str| format!("{column} = excluded.{column}");
        let rest: Vec<String> = columns.split(", ").skip(key.split(", ").count()).map(set).collect();
        Self::or(table, &columns, NO_CONSTANTS, &format!(" ON CONFLICT ({key}) DO UPDATE SET {}", rest.join(", ")))
    }

    fn or(table: &str, columns: &str, constants: &[(&str, &str)], conflict: &str) -> Self {
        // Anonymous on SQLite, which looks a parameter's name up by going through all of them.
        let sqlite = |_| "?".to_owned();
        let postgres = |number| format!("${number}");
        Self {
            sqlite: SIZES.map(|rows| statement(table, columns, constants, rows, sqlite) + conflict),
            postgres: SIZES.map(|rows| statement(table, columns, constants, rows, postgres) + conflict),
        }
    }

    /// The rows in groups, each with the statement that inserts it.
    pub(crate) fn split<'a, T>(
        &'static self,
        transaction: &Transaction,
        mut rows: &'a [T],
    ) -> impl Iterator<Item = (&'static str, &'a [T])> + use<'a, T> {
        let statements = match transaction {
            Transaction::Sqlite(_) => &self.sqlite,
            Transaction::Postgres(_) => &self.postgres,
        };
        std::iter::from_fn(move || {
            let fits = |size: &usize| *size <= rows.len();
            let (statement, size) = statements.iter().zip(SIZES).find(|(_, size)| fits(size))?;
            let (group, rest) = rows.split_at(size);
            rows = rest;
            Some((statement.as_str(), group))
        })
    }
}

const NO_CONSTANTS: &[(&str, &str)] = &[];

fn statement(
    table: &str,
    columns: &str,
    constants: &[(&str, &str)],
    rows: usize,
    parameter: impl Fn(usize) -> String,
) -> String {
    let width = columns.split(',').count();
    let row = |row: usize| {
        let parameters = (1..=width).map(|column| parameter(row * width + column));
        let values: Vec<String> = parameters.chain(constants.iter().map(|(_, value)| (*value).to_owned())).collect();
        format!("({})", values.join(", "))
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    let columns: Vec<&str> = std::iter::once(columns).chain(constants.iter().map(|(column, _)| *column)).collect();
    format!("INSERT INTO {table} ({}) VALUES {}", columns.join(", "), rows.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_through() {
        let sql = statement("t", "a, b", &[], 2, |number| format!("${number}"));
        assert_eq!(sql, "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4)");
        let sql = statement("t", "a", &[("b", "'x'"), ("c", "0")], 2, |number| format!("${number}"));
        assert_eq!(sql, "INSERT INTO t (a, b, c) VALUES ($1, 'x', 0), ($2, 'x', 0)");
    }
}
