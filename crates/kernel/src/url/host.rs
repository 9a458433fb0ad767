//! Hosts: which texts are one, and which company's domain they belong to.

use alloc::borrow::Cow;

/// Longest domain name, RFC 1035.
const MAX_HOST: usize = 253;
const MAX_LABEL: usize = 63;

/// The domain someone registered: `shop.acme.co.uk` → `acme.co.uk`, by the public suffix list.
///
/// The host must be lower case. IP addresses, single names (`localhost`) and public suffixes
/// themselves are returned as they are.
pub fn registrable_domain(host: &str) -> &str {
    if is_ip(host) || !host.contains('.') {
        return host;
    }
    psl::domain_str(host).unwrap_or(host)
}

/// The host without a leading `www.` or `m.`, as long as a domain remains.
pub fn bare_host(host: &str) -> &str {
    let rest = host.strip_prefix("www.").or_else(|| host.strip_prefix("m."));
    rest.filter(|rest| rest.contains('.')).unwrap_or(host)
}

/// Lower-cases a host; `None` if its characters or lengths are not those of a host.
pub(super) fn checked(host: &str) -> Option<Cow<'_, str>> {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']')?;
        let is_v6 = address.len() <= 45
            && address.contains(':')
            && address.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'));
        return is_v6.then(|| lower(host));
    }
    checked_domain(host.strip_suffix('.').unwrap_or(host))
}

/// Lower-cases a domain name or IPv4 address of ASCII labels (punycode included).
pub(crate) fn checked_domain(host: &str) -> Option<Cow<'_, str>> {
    let mut label = 0;
    for byte in host.bytes() {
        match byte {
            b'.' if label == 0 => return None,
            b'.' => label = 0,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' if label < MAX_LABEL => label += 1,
            _ => return None,
        }
    }
    (label > 0 && host.len() <= MAX_HOST).then(|| lower(host))
}

fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// As browsers tell them: a last label of digits only is an IPv4 address.
fn is_ip(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    host.starts_with('[') || last.bytes().all(|b| b.is_ascii_digit())
}
