//! Numbers, times and lists as people read them.

use jiff::Timestamp;
use picloud_shared::{api::Diagnostic, names::ScriptName, place, time::TimestampMs};

/// With a comma between each three digits.
pub fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "-" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// In the unit that fits.
pub fn duration(micros: i64) -> String {
    match micros {
        ..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.1} ms", micros as f64 / 1e3),
        _ => format!("{:.1} s", micros as f64 / 1e6),
    }
}

/// In the unit that fits, by powers of 1,024.
pub fn bytes(bytes: i64) -> String {
    match bytes {
        ..0x400 => format!("{bytes} B"),
        0x400..0x10_0000 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / (1024.0 * 1024.0)),
    }
}

/// Fuel burnt, and its share of the limit.
pub fn fuel(burnt: i64, limit: i64) -> String {
    let share = if limit > 0 { burnt as f64 / limit as f64 * 100.0 } else { 0.0 };
    format!("{} ({share:.1} % of {})", count(burnt), count(limit))
}

/// UTC, to the millisecond.
pub fn time(at: TimestampMs) -> String {
    Timestamp::from_millisecond(at).map_or_else(|_| at.to_string(), |at| format!("{at:.3}"))
}

/// `no` or `yes`.
pub fn yes(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

/// Separated by commas; a dash when there is none.
pub fn list(items: &[impl ToString]) -> String {
    if items.is_empty() {
        return "-".to_owned();
    }
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// `name:line:column: message`, with as much of the position as is known; the name of another script, if the place is
/// there.
pub fn diagnostic(name: &str, Diagnostic { message, script, line, column }: &Diagnostic) -> String {
    let name = script.as_ref().map_or(name, ScriptName::as_str);
    format!("{name}{}: {message}", place::behind_name(*line, *column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_commas() {
        let shown = [0, 999, 1_000, 500_000_000, -1_234, i64::MIN].map(count);
        assert_eq!(shown, ["0", "999", "1,000", "500,000,000", "-1,234", "-9,223,372,036,854,775,808"]);
    }

    #[test]
    fn amounts_take_the_unit_that_fits() {
        assert_eq!([0, 999, 1_500, 2_000_000].map(duration), ["0 µs", "999 µs", "1.5 ms", "2.0 s"]);
        assert_eq!([5, 1_536, 3 << 20].map(bytes), ["5 B", "1.5 KiB", "3.0 MiB"]);
    }

    #[test]
    fn fuel_tells_its_share() {
        assert_eq!(fuel(1_250_000, 500_000_000), "1,250,000 (0.2 % of 500,000,000)");
        assert_eq!(fuel(0, 0), "0 (0.0 % of 0)");
    }

    #[test]
    fn times_are_utc_and_never_panic() {
        assert_eq!(time(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert_eq!(time(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn a_diagnostic_tells_what_is_known_of_its_place() {
        let found =
            |script, line, column| diagnostic("a.rhai", &Diagnostic { message: "no".to_owned(), script, line, column });
        let at = |line, column| found(None, line, column);
        assert_eq!(at(Some(3), Some(7)), "a.rhai:3:7: no");
        assert_eq!(at(Some(3), None), "a.rhai:3: no");
        assert_eq!(at(None, None), "a.rhai: no");
        assert_eq!(found("lib/a".parse().ok(), Some(3), Some(7)), "lib/a:3:7: no");
    }
}
