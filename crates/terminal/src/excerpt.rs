//! A line of source with a caret below the place that a message speaks of.

use crate::sanitize;
use unicode_width::UnicodeWidthStr as _;

/// Characters shown before and after the place; a source may be one very long line.
const AROUND: usize = 50;

/// The line and the caret. `None` when the source has no such line. Line and column count from 1, the column in
/// characters.
pub fn render(source: &str, line: u32, column: Option<u32>) -> Option<String> {
    let text = source.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
    let gutter = " ".repeat(line.to_string().len());
    let Some(column) = column else {
        let (head, cut) = take(text, 2 * AROUND);
        return Some(format!("{gutter} |\n{line} | {head}{}", ellipsis(cut)));
    };
    let place = usize::try_from(column).ok()?.saturating_sub(1).min(text.chars().count());
    let skipped = place.saturating_sub(AROUND);
    let before: String = text.chars().skip(skipped).take(place - skipped).collect();
    let (before, start) = (printable(&before), ellipsis(skipped > 0));
    let rest: String = text.chars().skip(place).collect();
    let (after, cut) = take(&rest, AROUND);
    let indent = " ".repeat(start.width() + before.width());
    Some(format!("{gutter} |\n{line} | {start}{before}{after}{}\n{gutter} | {indent}^", ellipsis(cut)))
}

/// So many characters, and whether more follow.
fn take(text: &str, most: usize) -> (String, bool) {
    let head: String = text.chars().take(most).collect();
    (printable(&head), head.len() < text.len())
}

/// Tabs have no width of their own, so that a caret could not stand below them.
fn printable(text: &str) -> String {
    sanitize::line(&text.replace('\t', "    ")).into_owned()
}

fn ellipsis(cut: bool) -> &'static str {
    if cut { "…" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_below_the_place() {
        let source = "let a = 1;\nlet b = ;\n";
        assert_eq!(render(source, 2, Some(9)).unwrap(), "  |\n2 | let b = ;\n  |         ^");
    }

    #[test]
    fn the_gutter_grows_with_the_number() {
        let source = "\n".repeat(99) + "oops";
        assert_eq!(render(&source, 100, Some(1)).unwrap(), "    |\n100 | oops\n    | ^");
    }

    #[test]
    fn tabs_and_wide_characters_keep_the_caret_in_place() {
        assert_eq!(render("\tx!", 1, Some(3)).unwrap(), "  |\n1 |     x!\n  |      ^");
        assert_eq!(render("\"漢字\" !", 1, Some(6)).unwrap(), "  |\n1 | \"漢字\" !\n  |        ^");
    }

    #[test]
    fn escapes_are_shown_not_obeyed() {
        assert_eq!(render("a\u{1b}b", 1, Some(3)).unwrap(), "  |\n1 | a\\u{1b}b\n  |        ^");
    }

    #[test]
    fn a_place_outside_the_source_is_no_panic() {
        assert_eq!(render("ab", 1, Some(99)).unwrap(), "  |\n1 | ab\n  |   ^");
        assert_eq!(render("ab", 1, Some(0)).unwrap(), "  |\n1 | ab\n  | ^");
        assert_eq!(render("ab", 1, None).unwrap(), "  |\n1 | ab");
        assert_eq!((render("ab", 0, Some(1)), render("ab", 2, Some(1)), render("", 1, Some(1))), (None, None, None));
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let source = "x".repeat(1000);
        let shown = render(&source, 1, Some(500)).unwrap();
        let [_, line, caret] = shown.lines().collect::<Vec<_>>()[..] else { panic!("{shown}") };
        assert_eq!(line, format!("1 | …{}…", "x".repeat(100)));
        assert_eq!(caret, format!("  | {}^", " ".repeat(51)));
    }
}
