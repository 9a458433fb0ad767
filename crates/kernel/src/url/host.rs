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
        return is_v6.then(|| Cow::Owned(host.to_ascii_lowercase()));
    }
    checked_domain(host.strip_suffix('.').unwrap_or(host))
}

/// Lower-cases a domain name or IPv4 address of ASCII labels (punycode included).
pub(crate) fn checked_domain(host: &str) -> Option<Cow<'_, str>> {
    let mut label = 0;
    let mut has_capital = false;
    for byte in host.bytes() {
        match byte {
            b'.' if label == 0 => return None,
            b'.' => label = 0,
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => label += 1,
            b'A'..=b'Z' => {
                label += 1;
                has_capital = true;
            }
            _ => return None,
        }
        if label > MAX_LABEL {
            return None;
        }
    }
    if label == 0 || host.len() > MAX_HOST {
        return None;
    }
    Some(if has_capital { Cow::Owned(host.to_ascii_lowercase()) } else { Cow::Borrowed(host) })
}

/// As browsers tell them: a last label of digits only is an IPv4 address.
fn is_ip(host: &str) -> bool {
    host.starts_with('[') || host.bytes().rev().take_while(|b| *b != b'.').all(|b| b.is_ascii_digit())
}
