//! What a script may set in a response, told to it by the guest and enforced by the ingress, and in a request to another
//! server.

/// Headers of the connection and of the message's framing (RFC 9110, 7.6.1), which are the server's alone.
const RESERVED: [&str; 11] = [
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "server-timing",
];

/// What frames requests, besides.
const OF_REQUESTS: [&str; 3] = ["expect", "host", "proxy-authorization"];

/// Prefix of the headers by which the platform itself speaks.
const PLATFORM_PREFIX: &str = "x-picloud-";

/// Whether a script may set this header, its name in lower case; if not, why.
///
/// # Errors
/// The reason, for the script's author.
pub fn may_set_header(name: &str, value: &str) -> Result<(), &'static str> {
    well_formed(name, value)?;
    if RESERVED.contains(&name) || name == "x-request-id" || name.starts_with(PLATFORM_PREFIX) {
        return Err("this header is the server's own");
    }
    Ok(())
}

/// Whether a script may send this header to another server, its name in lower case; if not, why.
///
/// # Errors
/// The reason, for the script's author.
pub fn may_send_header(name: &str, value: &str) -> Result<(), &'static str> {
    well_formed(name, value)?;
    if RESERVED.contains(&name) || OF_REQUESTS.contains(&name) {
        return Err("this header is the platform's own");
    }
    Ok(())
}

fn well_formed(name: &str, value: &str) -> Result<(), &'static str> {
    let token = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        return Err("this is no header name");
    }
    // Visible ASCII, space and tab: what is neither ambiguous nor able to end the line (RFC 9110, 5.5).
    if !value.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b)) {
        return Err("a header's value is visible ASCII");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{may_send_header, may_set_header};

    #[test]
    fn a_script_cannot_forge_the_frame() {
        assert_eq!(may_set_header("x-mine", "1\ttwo"), Ok(()));
        assert_eq!(may_set_header("set-cookie", "a=b; HttpOnly"), Ok(()));
        for (name, value) in [
            ("", "a"),
            ("a b", "a"),
            ("a:", "a"),
            ("a\r\n", "a"),
            ("X-Upper", "a"),
            ("transfer-encoding", "chunked"),
            ("content-length", "0"),
            ("connection", "close"),
            ("x-request-id", "a"),
            ("x-picloud-fuel", "1"),
            ("x-mine", "a\r\nset-cookie: b"),
            ("x-mine", "a\0"),
            ("x-mine", "ä"),
        ] {
            assert!(may_set_header(name, value).is_err(), "{name:?}: {value:?}");
        }
    }

    #[test]
    fn a_script_cannot_forge_the_frame_of_a_request() {
        assert_eq!(may_send_header("authorization", "Bearer x"), Ok(()));
        assert_eq!(may_send_header("x-request-id", "1"), Ok(()));
        for (name, value) in [
            ("", "a"),
            ("a\r\nb", "a"),
            ("x-mine", "a\r\nhost: b"),
            ("x-mine", "a\nb"),
            ("x-mine", "a\0"),
            ("host", "a"),
            ("content-length", "0"),
            ("transfer-encoding", "chunked"),
            ("connection", "close"),
            ("upgrade", "h2c"),
            ("expect", "100-continue"),
            ("proxy-authorization", "a"),
        ] {
            assert!(may_send_header(name, value).is_err(), "{name:?}: {value:?}");
        }
    }
}
