//! The target of an HTTP request, path and query, as a script sees it: one rule for requests and for manual runs. The
//! path is split first and decoded then, so that an encoded slash stays within its segment.

use percent_encoding::percent_decode_str;
use picloud_abi::bounds::cut;

/// Most bytes of `METHOD /path` that are recorded.
const LINE_BYTES: usize = 1 << 10;

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// What its percent-encoding stands for is not UTF-8.
    #[error("the path is not UTF-8")]
    NotUtf8,
    /// A segment is `.` or `..`, plain or encoded.
    #[error("the path has a segment of dots")]
    DotSegment,
}

/// The decoded segments of a raw path; none for `/`.
///
/// # Errors
/// See [`InvalidPath`].
pub fn segments(raw: &str) -> Result<Vec<String>, InvalidPath> {
    let rest = raw.strip_prefix('/').unwrap_or(raw);
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    rest.split('/')
        .map(|segment| {
            let decoded = percent_decode_str(segment).decode_utf8().map_err(|_| InvalidPath::NotUtf8)?;
            if matches!(&*decoded, "." | "..") { Err(InvalidPath::DotSegment) } else { Ok(decoded.into_owned()) }
        })
        .collect()
}

/// The path of these segments, decoded: `req.path`.
pub fn path(segments: &[String]) -> String {
    if segments.is_empty() { "/".to_owned() } else { segments.iter().flat_map(|segment| ["/", segment]).collect() }
}

/// `METHOD /path` for the record: without the query, which may carry what is not for the log, and cut at 1 KiB.
pub fn line(method: &str, path: &str) -> String {
    let mut line = [method, " ", path].concat();
    cut(&mut line, LINE_BYTES);
    line
}

/// The pairs of a raw query, decoded as those of a form are, in order.
pub fn query(raw: Option<&str>) -> Vec<(String, String)> {
    form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).into_owned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_slashes_do_not_split() {
        assert_eq!(segments("/").unwrap(), Vec::<String>::new());
        assert_eq!(segments("/a/b%2Fc").unwrap(), ["a", "b/c"]);
        assert_eq!(segments("/a/").unwrap(), ["a", ""]);
        // Decoded once, not twice.
        assert_eq!(segments("/%252e%252e").unwrap(), ["%2e%2e"]);
        assert_eq!(segments("/%C3%A4%").unwrap(), ["ä%"]);
    }

    #[test]
    fn climbing_and_broken_text_are_refused() {
        for path in ["/..", "/a/../b", "/a/%2e%2E/b", "/."] {
            assert_eq!(segments(path), Err(InvalidPath::DotSegment), "{path}");
        }
        assert_eq!(segments("/%FF"), Err(InvalidPath::NotUtf8));
        // Not a segment of dots, but a name with a slash in it.
        assert_eq!(segments("/..%2Fa").unwrap(), ["../a"]);
    }

    #[test]
    fn a_path_is_given_decoded() {
        for (raw, decoded) in [("/", "/"), ("/a%20b/%C3%A4", "/a b/ä"), ("/a/", "/a/"), ("//", "//")] {
            assert_eq!(path(&segments(raw).unwrap()), decoded, "{raw}");
        }
    }

    #[test]
    fn a_recorded_line_is_bounded() {
        assert_eq!(line("GET", "/a b"), "GET /a b");
        assert_eq!(line("GET", &"/ä".repeat(1_000)).len(), LINE_BYTES);
    }

    #[test]
    fn a_query_is_read_as_a_form() {
        let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        assert_eq!(query(None), []);
        let found = query(Some("x=1&x=2&a%20b=c+d&%C3%A4&=&broken=%FF%"));
        let expected = [("x", "1"), ("x", "2"), ("a b", "c d"), ("ä", ""), ("", ""), ("broken", "\u{fffd}%")];
        assert_eq!(found, expected.map(pair));
    }
}
