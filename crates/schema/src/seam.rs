//! SEAM: stands in until kernel exports `url` and `email`.
pub(crate) mod url {
    pub(crate) const MAX_LEN: usize = 8_192;
    #[derive(Debug, thiserror::Error)]
    pub(crate) enum UrlError { #[error("x")] TooLong, #[error("host of the url is not a domain or an ip address")] Host }
    pub(crate) struct Url<'a>(&'a str);
    impl<'a> Url<'a> {
        pub(crate) fn parse(text: &'a str) -> Result<Self, UrlError> {
            let text = text.trim();
            if text.len() > MAX_LEN { return Err(UrlError::TooLong); }
            let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(UrlError::Host)?;
            let host = rest.split(['/', '?', '#']).next().unwrap_or("");
            if host.is_empty() || host.contains(char::is_whitespace) { return Err(UrlError::Host); }
            Ok(Self(host))
        }
        pub(crate) fn host(&self) -> Option<&str> { Some(self.0) }
    }
}
pub(crate) mod email {
    use std::borrow::Cow;
    pub(crate) fn normalise(text: &str) -> Result<Cow<'_, str>, &'static str> {
        let text = text.trim();
        let (l, d) = text.split_once('@').ok_or("e-mail address does not have one \"@\" between two parts")?;
        if l.is_empty() || !d.contains('.') || d.contains('@') { return Err("e-mail address does not end in a domain name"); }
        Ok(Cow::Owned(text.to_lowercase()))
    }
}
