//! The body of a form as WeChat's client writes it.

/// A file of a form.
pub(super) struct File<'a> {
    pub(super) field: &'a str,
    pub(super) file_name: &'a str,
    pub(super) bytes: &'a [u8],
}

/// The body: the fields, then the file.
pub(super) fn form_body(boundary: &str, fields: &[(String, String)], file: &File<'_>) -> Vec<u8> {
    let mut body = Vec::with_capacity(file.bytes.len() + 4096);
    for (name, value) in fields {
        let part = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{value}\r\n",
            quoted(name)
        );
        body.extend_from_slice(part.as_bytes());
    }
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n",
        quoted(file.field),
        quoted(file.file_name)
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(file.bytes);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    body
}

/// A name between quotation marks, which can't end early.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_the_last_part() {
        let fields = [("key".to_owned(), "a".to_owned()), ("x\"y".to_owned(), "b".to_owned())];
        let file = File { field: "file", file_name: "tmp.jpg", bytes: &[0xff, 0] };
        let body = form_body("B", &fields, &file);
        let text = String::from_utf8_lossy(&body);
        assert_eq!(
            text,
            "--B\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\na\r\n\
             --B\r\nContent-Disposition: form-data; name=\"x%22y\"\r\n\r\nb\r\n\
             --B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"tmp.jpg\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n\u{fffd}\0\r\n--B--\r\n"
        );
    }
}
