//! A file in a body of `multipart/form-data` (RFC 7578).

use axum::body::Bytes;

/// The bytes of the part with this name; `None` if the body is no such form, or the part is missing, empty or has no filename.
pub(super) fn file(content_type: Option<&str>, body: &Bytes, name: &str) -> Option<Bytes> {
    let (kind, parameters) = content_type?.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let delimiter = format!("\r\n--{}", parameter(parameters, "boundary")?);
    // The first delimiter has no line feed before it, which is the only difference to the others.
    let first = delimiter.get(2..)?;
    let mut at = find(body, first.as_bytes(), 0)? + first.len();
    loop {
        let head = body.get(at..)?.strip_prefix(b"\r\n")?;
        let start = at + 2;
        let blank = find(head, b"\r\n\r\n", 0)? + start;
        let end = find(body, delimiter.as_bytes(), blank + 2)?;
        let headers = std::str::from_utf8(body.get(start..blank)?).ok()?;
        if is_file(headers, name) {
            let content = body.slice(blank + 4..end.max(blank + 4));
            return Some(content).filter(|content| !content.is_empty());
        }
        at = end + delimiter.len();
    }
}

/// Whether the headers of a part name this field and a file.
fn is_file(headers: &str, name: &str) -> bool {
    headers.split("\r\n").filter_map(|line| line.split_once(':')).any(|(header, value)| {
        header.trim().eq_ignore_ascii_case("content-disposition")
            && parameter(value, "name").is_some_and(|given| given == name)
            && parameter(value, "filename").is_some_and(|filename| !filename.is_empty())
    })
}

/// The parameter of a header's value, without its quotation marks.
fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    value
        .split(';')
        .filter_map(|part| part.trim().split_once('='))
        .find_map(|(given, value)| given.eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"')))
}

/// Where the needle stands first in the text, from this position on.
fn find(text: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let found = text.get(from..)?.windows(needle.len()).position(|window| window == needle)?;
    Some(found + from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Option<&str> = Some("multipart/form-data; boundary=\"x-1\"");

    fn form(disposition: &str, content: &str) -> Bytes {
        Bytes::from(format!(
            "--x-1\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--x-1\r\n\
             content-disposition: {disposition}\r\nContent-Type: image/png\r\n\r\n{content}\r\n--x-1--\r\n"
        ))
    }

    #[test]
    fn the_file_is_found_among_other_parts() {
        let body = form("form-data; name=\"media\"; filename=\"a.png\"", "\r\n\r\n--x\r\nbytes");
        assert_eq!(file(FORM, &body, "media").unwrap(), "\r\n\r\n--x\r\nbytes");
        let unquoted = form("form-data; name=media; filename=a.png", "bytes");
        assert_eq!(file(FORM, &unquoted, "media").unwrap(), "bytes");
    }

    #[test]
    fn a_part_that_is_no_file_of_this_name_is_not_found() {
        for disposition in [
            "form-data; name=\"media\"",
            "form-data; name=\"media\"; filename=\"\"",
            "form-data; name=\"buffer\"; filename=\"a.png\"",
        ] {
            assert_eq!(file(FORM, &form(disposition, "bytes"), "media"), None, "{disposition}");
        }
        let whole = form("form-data; name=\"media\"; filename=\"a.png\"", "");
        assert_eq!(file(FORM, &whole, "media"), None, "empty");
        assert_eq!(file(Some("application/json; boundary=x-1"), &whole, "media"), None);
        assert_eq!(file(None, &whole, "media"), None);
        for length in 0..whole.len() - 6 {
            assert_eq!(file(FORM, &whole.slice(..length), "media"), None, "{length}");
        }
    }
}
