//! How `pic` and `picloud` show things to people: text from elsewhere made harmless, lines of a source with a caret below a
//! place, numbers and times; and what they ask for that nobody is to see. What is printed, and where to, is the programs' own.

pub mod excerpt;
pub mod format;
pub mod hidden;
pub mod sanitize;
