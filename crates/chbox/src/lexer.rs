//! ClickHouse's tokens, as far as reading a statement's shape needs them.
//!
//! String literals and comments are told apart from everything else, so that a word inside them is
//! never taken for syntax.

use std::borrow::Cow;

/// What a token is; whitespace and comments are not tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// A bare word or number.
    Word(&'a str),
    /// An identifier in backticks or double quotes, with its escapes undone where they are simple.
    Quoted(Cow<'a, str>),
    /// A string literal; what it says never matters here.
    Literal,
    /// One byte of punctuation.
    Sign(u8),
}

/// A token and where it stands in the statement's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind<'a>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Token<'_> {
    /// Whether this is the bare keyword `word` in any case.
    pub(crate) fn is(&self, word: &str) -> bool {
        matches!(self.kind, Kind::Word(w) if w.eq_ignore_ascii_case(word))
    }

    /// Whether this is the punctuation `sign`.
    pub(crate) fn sign(&self, sign: u8) -> bool {
        self.kind == Kind::Sign(sign)
    }

    /// The name this token spells, bare or quoted.
    pub(crate) fn name(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            Kind::Quoted(name) => Some(name),
            _ => None,
        }
    }
}

/// Reads tokens one after the other. Stops for good at the end of the text, at a byte that is not
/// UTF-8 within a name (row data has begun) or at a quote or comment that is never closed.
pub(crate) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    /// Starts at the beginning of `text`.
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Lexer { text, at: 0 }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    fn skip_while(&mut self, keep: impl Fn(u8) -> bool) {
        while self.peek(0).is_some_and(&keep) {
            self.at += 1;
        }
    }

    fn skip_blank(&mut self) -> Option<()> {
        loop {
            match (self.peek(0)?, self.peek(1)) {
                (byte, _) if byte.is_ascii_whitespace() || byte == 0x0b => self.at += 1,
                (b'-', Some(b'-')) | (b'#', Some(b' ' | b'!')) => self.skip_while(|b| b != b'\n'),
                (b'/', Some(b'*')) => self.skip_comment()?,
                _ => return Some(()),
            }
        }
    }

    fn skip_comment(&mut self) -> Option<()> {
        let rest = self.text.get(self.at + 2..)?;
        let length = rest.windows(2).position(|pair| pair == b"*/")?;
        self.at += 2 + length + 2;
        Some(())
    }

    /// Reads to the closing `quote`, which may be doubled or escaped inside.
    fn quoted(&mut self, quote: u8) -> Option<Cow<'a, str>> {
        let start = self.at + 1;
        self.at = start;
        let mut plain = true;
        loop {
            match self.peek(0)? {
                b'\\' => {
                    plain = false;
                    self.at += 2;
                }
                byte if byte == quote && self.peek(1) == Some(quote) => {
                    plain = false;
                    self.at += 2;
                }
                byte if byte == quote => break,
                _ => self.at += 1,
            }
        }
        let inner = self.text.get(start..self.at)?;
        self.at += 1;
        let inner = String::from_utf8_lossy(inner);
        Some(if plain { inner } else { Cow::Owned(format!("\\{inner}")) })
    }

    /// A heredoc string, `$tag$ … $tag$`; `None` when the dollar opens none.
    fn heredoc(&mut self) -> Option<()> {
        let rest = self.text.get(self.at..)?;
        let tag_length = rest.iter().skip(1).position(|b| !b.is_ascii_alphanumeric() && *b != b'_')? + 2;
        let tag = rest.get(..tag_length).filter(|tag| tag.ends_with(b"$"))?;
        let body = rest.get(tag_length..)?;
        let length = body.windows(tag_length).position(|window| window == tag)?;
        self.at += tag_length + length + tag_length;
        Some(())
    }

    fn word(&mut self) -> Option<Kind<'a>> {
        let start = self.at;
        self.skip_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$') || b >= 0x80);
        let word = std::str::from_utf8(self.text.get(start..self.at)?).ok()?;
        Some(Kind::Word(word))
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blank()?;
        let start = self.at;
        let kind = match self.peek(0)? {
            b'\'' => self.quoted(b'\'').map(|_| Kind::Literal)?,
            quote @ (b'`' | b'"') => Kind::Quoted(self.quoted(quote)?),
            b'$' if self.heredoc().is_some() => Kind::Literal,
            byte if byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80 => self.word()?,
            byte => {
                self.at += 1;
                Kind::Sign(byte)
            }
        };
        Some(Token { kind, start, end: self.at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, expect: &[&str]) {
        let seen: Vec<String> = Lexer::new(sql.as_bytes())
            .map(|token| match token.kind {
                Kind::Word(word) => word.to_owned(),
                Kind::Quoted(name) => format!("<{name}>"),
                Kind::Literal => "''".into(),
                Kind::Sign(sign) => char::from(sign).to_string(),
            })
            .collect();
        assert_eq!(seen, expect, "{sql}");
    }

    #[test]
    fn words_in_literals_and_comments_are_not_syntax() {
        check("SELECT 'file(' -- url(\n, /* s3( */ a", &["SELECT", "''", ",", "a"]);
        check(r"SELECT 'it\'s', 'it''s' x", &["SELECT", "''", ",", "''", "x"]);
        check("SELECT `fi le`(1), \"q\"", &["SELECT", "<fi le>", "(", "1", ")", ",", "<q>"]);
        check("SELECT $a$ file( $a$, $1", &["SELECT", "''", ",", "$", "1"]);
        check("SELECT 1 # file(\nx #! y", &["SELECT", "1", "x"]);
        check(r"`a\x62`", &[r"<\a\x62>"]);
        check("SELECT 'open", &["SELECT"]);
        check("SELECT /* open", &["SELECT"]);
        check("é(1)", &["é", "(", "1", ")"]);
    }
}
