//! A request's path, taken apart once: split first, then decoded, so that an encoded slash stays within its segment.

use percent_encoding::percent_decode_str;

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvalidPath {
    /// What its percent-encoding stands for is not UTF-8.
    NotUtf8,
    /// A segment is `.` or `..`, plain or encoded.
    DotSegment,
}

/// The decoded segments of a raw path; none for `/`.
pub(crate) fn segments(raw: &str) -> Result<Vec<String>, InvalidPath> {
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
}
