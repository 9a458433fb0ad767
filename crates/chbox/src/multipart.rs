//! `multipart/form-data`: fields are parameters like those in the URL, files are external tables.

use crate::fault::{Fault, Raised};

/// One part of a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) is_file: bool,
    pub(crate) content: Vec<u8>,
}

/// The boundary that `Content-Type` names, if it is a form's.
pub(crate) fn boundary(content_type: &str) -> Option<String> {
    let (kind, rest) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let named = rest.split(';').filter_map(|item| item.trim().split_once('='));
    let mut named = named.filter(|(name, _)| name.eq_ignore_ascii_case("boundary"));
    named.next().map(|(_, value)| value.trim_matches('"').to_owned()).filter(|value| !value.is_empty())
}

/// Takes a form apart.
///
/// # Errors
/// Code 36 when the body is not the form its boundary announces.
pub(crate) fn parts(body: &[u8], boundary: &str) -> Result<Vec<Part>, Fault> {
    read(body, boundary).ok_or_else(|| Fault::raise(Raised::BadArguments, "The request's form is malformed"))
}

fn read(body: &[u8], boundary: &str) -> Option<Vec<Part>> {
    let fence = format!("--{boundary}");
    let mut rest = body.get(find(body, fence.as_bytes())? + fence.len()..)?;
    let next = format!("\r\n{fence}");
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        rest = rest.strip_prefix(b"\r\n")?;
        let end = find(rest, next.as_bytes())?;
        parts.push(part(rest.get(..end)?)?);
        rest = rest.get(end + next.len()..)?;
    }
    Some(parts)
}

fn part(text: &[u8]) -> Option<Part> {
    let end = find(text, b"\r\n\r\n")?;
    let headers = std::str::from_utf8(text.get(..end)?).ok()?;
    let disposition =
        headers.split("\r\n").find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    let attribute = |name: &str| {
        let items = disposition.split(';').filter_map(|item| item.trim().split_once('='));
        items.filter(|(n, _)| *n == name).map(|(_, value)| value.trim_matches('"').to_owned()).next()
    };
    Some(Part {
        name: attribute("name")?,
        is_file: attribute("filename").is_some(),
        content: text.get(end + 4..)?.to_vec(),
    })
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    let first = *what.first()?;
    let mut from = 0;
    loop {
        from += text.get(from..)?.iter().position(|b| *b == first)?;
        if text.get(from..)?.starts_with(what) {
            return Some(from);
        }
        from += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_taken_apart() {
        let body = b"--XY\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT 1\r\n\
            --XY\r\nContent-Disposition: form-data; name=\"t\"; filename=\"t.tsv\"\r\nContent-Type: text/plain\r\n\r\n1\n\r\n2\r\n--XY--\r\n";
        let field = Part { name: "query".into(), is_file: false, content: b"SELECT 1".to_vec() };
        let file = Part { name: "t".into(), is_file: true, content: b"1\n\r\n2".to_vec() };
        assert_eq!(parts(body, "XY"), Ok(vec![field, file]));
        assert_eq!(boundary("multipart/form-data; boundary=\"XY\"").as_deref(), Some("XY"));
        for cut in [0, 10, body.len() - 10] {
            assert!(parts(&body[..cut], "XY").is_err(), "{cut}");
        }
    }
}
