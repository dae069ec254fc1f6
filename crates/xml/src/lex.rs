//! The strict lexer for messages: tokens as spans over the source, each refused as soon as it departs from the grammar.
//!
//! It knows neither names nor nesting; `read.rs` asks it for one token after the other and checks those.

use std::ops::Range;

use crate::ReadError;
use crate::text::{CANONICAL, CDATA, Form, VALUE, check_references, find, is_space, same};

/// What stands at a place between tags.
pub(crate) enum Token {
    /// `<` and a name that begins here: [`Lexer::name`] and [`Lexer::part`] read the rest of the start tag.
    Start,
    /// `</`: [`Lexer::end_tag`] reads the rest.
    End,
    /// Character data or the content of a CDATA section, with its marks.
    Text(Range<usize>, u8),
    /// What a comment says.
    Comment(Range<usize>),
    /// There is no more.
    Finish,
}

/// What follows the name, or an attribute, in a start tag.
pub(crate) enum Part {
    /// The name of an attribute, its value as written, the value's marks.
    Attribute(Range<usize>, Range<usize>, u8),
    /// `>`
    Open,
    /// `/>`
    Empty,
}

/// A place in a source.
pub(crate) struct Lexer<'a> {
    source: &'a str,
    bytes: &'a [u8],
    at: usize,
}

const LT: u8 = 1;
const AMP: u8 = 2;
const GT: u8 = 4;
const CR: u8 = 8;
const DOUBLE: u8 = 16;
const SINGLE: u8 = 32;
const TAB_LF: u8 = 64;
const NAME_END: u8 = 128;

/// What each octet means to the scans below.
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    class[b'<' as usize] = LT | NAME_END;
    class[b'&' as usize] = AMP | NAME_END;
    class[b'>' as usize] = GT | NAME_END;
    class[b'\r' as usize] = CR | NAME_END;
    class[b'"' as usize] = DOUBLE | NAME_END;
    class[b'\'' as usize] = SINGLE | NAME_END;
    class[b'\t' as usize] = TAB_LF | NAME_END;
    class[b'\n' as usize] = TAB_LF | NAME_END;
    class[b' ' as usize] = NAME_END;
    class[b'/' as usize] = NAME_END;
    class[b'=' as usize] = NAME_END;
    class
};

/// Refuses what no place of a document may hold ([XML 1.0] section 2.2): control characters, U+FFFE and U+FFFF.
/// Surrogates are not UTF-8 to begin with.
pub(crate) fn check_characters(source: &str) -> Result<(), ReadError> {
    const CHUNK: usize = 128;
    let bytes = source.as_bytes();
    let control = |byte: u8| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    let noncharacter = |at: usize| matches!(bytes.get(at..at + 3), Some([0xEF, 0xBF, 0xBE | 0xBF]));
    for (number, chunk) in bytes.chunks(CHUNK).enumerate() {
        // Without an early way out: so it compiles to vector instructions. Few chunks are looked at again.
        if !chunk.iter().fold(false, |found, &byte| found | (byte < b' ') | (byte == 0xEF)) {
            continue;
        }
        let start = number * CHUNK;
        if chunk.iter().any(|&byte| control(byte)) || (start..start + chunk.len()).any(noncharacter) {
            return Err(ReadError::IllegalCharacter);
        }
    }
    Ok(())
}

impl<'a> Lexer<'a> {
    /// A lexer at octet `at` of a source whose characters were checked.
    pub(crate) fn new(source: &'a str, at: usize) -> Self {
        Self { source, bytes: source.as_bytes(), at }
    }

    /// Where it stands.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The next token.
    #[inline]
    pub(crate) fn token(&mut self) -> Result<Token, ReadError> {
        match self.bytes.get(self.at) {
            None => Ok(Token::Finish),
            Some(b'<') => match self.bytes.get(self.at + 1) {
                Some(b'/') => {
                    self.at += 2;
                    Ok(Token::End)
                }
                Some(b'!') => self.exclamation(),
                Some(b'?') => Err(ReadError::ProcessingInstruction),
                Some(_) => {
                    self.at += 1;
                    Ok(Token::Start)
                }
                None => Err(ReadError::Truncated),
            },
            Some(_) => self.text(),
        }
    }

    /// A name, unchecked: what stands up to the next delimiter.
    #[inline]
    pub(crate) fn name(&mut self) -> Result<Range<usize>, ReadError> {
        // Every delimiter, and little else.
        let may_end = |byte| (byte <= b',') | (byte == b'/') | (byte == b'<') | (byte == b'=') | (byte == b'>');
        let rest = &self.bytes[self.at..];
        let mut length = find(rest, may_end);
        while rest.get(length).is_some_and(|&byte| CLASS[byte as usize] & NAME_END == 0) {
            length += 1;
        }
        if length == rest.len() {
            return Err(ReadError::Truncated);
        }
        if length == 0 {
            return Err(ReadError::MarkupMalformed);
        }
        let start = self.at;
        self.at += length;
        Ok(start..self.at)
    }

    /// The next part of a start tag. `verbatim` stays true while the tag is written as canonical form writes it.
    #[inline]
    pub(crate) fn part(&mut self, verbatim: &mut bool) -> Result<Part, ReadError> {
        let start = self.at;
        self.skip_space();
        match self.bytes.get(self.at) {
            None => Err(ReadError::Truncated),
            Some(b'>') => {
                *verbatim &= self.at == start;
                self.at += 1;
                Ok(Part::Open)
            }
            Some(b'/') => {
                *verbatim = false;
                self.at += 1;
                self.expect(b'>')?;
                Ok(Part::Empty)
            }
            Some(_) if self.at == start => Err(ReadError::MarkupMalformed),
            Some(_) => {
                *verbatim &= self.at == start + 1 && self.bytes[start] == b' ';
                self.attribute(verbatim)
            }
        }
    }

    #[inline]
    fn attribute(&mut self, verbatim: &mut bool) -> Result<Part, ReadError> {
        let name = self.name()?;
        let before = self.at;
        self.skip_space();
        self.expect(b'=')?;
        self.skip_space();
        *verbatim &= self.at == before + 1;
        let (quote, stop) = match self.bytes.get(self.at) {
            Some(b'"') => (b'"', DOUBLE),
            Some(b'\'') => (b'\'', SINGLE),
            Some(_) => return Err(ReadError::MarkupMalformed),
            None => return Err(ReadError::Truncated),
        };
        let start = self.at + 1;
        let special = |byte| (byte < b' ') | (byte == b'"') | (byte == b'&') | (byte == b'\'') | (byte == b'<');
        let (end, seen) = self.scan(start, quote, stop, special);
        if seen & LT != 0 {
            return Err(ReadError::LessThanInAttribute);
        }
        if end == self.bytes.len() {
            return Err(ReadError::Truncated);
        }
        self.at = end + 1;
        let mut marks = 0;
        if seen & (AMP | CR | TAB_LF) == 0 {
            marks |= VALUE;
        }
        if seen & (CR | TAB_LF | DOUBLE) == 0 {
            marks |= CANONICAL;
        }
        if seen & AMP != 0 && !check_references(&self.source[start..end], Form::Attribute)? {
            marks &= !CANONICAL;
        }
        *verbatim &= quote == b'"' && marks & CANONICAL != 0;
        Ok(Part::Attribute(name, start..end, marks))
    }

    /// The rest of an end tag, which must name `expected`.
    #[inline]
    pub(crate) fn end_tag(&mut self, expected: &Range<usize>) -> Result<(), ReadError> {
        let end = self.at + expected.len();
        let written = self.bytes.get(self.at..end).unwrap_or_default();
        if same(written, &self.bytes[expected.clone()]) && self.bytes.get(end) == Some(&b'>') {
            self.at = end + 1;
            return Ok(());
        }
        let name = self.name()?;
        self.skip_space();
        self.expect(b'>')?;
        if self.bytes[name] == self.bytes[expected.clone()] { Ok(()) } else { Err(ReadError::EndTagMismatched) }
    }

    /// Skips an XML declaration, if one stands here ([XML 1.0] section 2.8). It may name any encoding where it is `overruled`.
    pub(crate) fn xml_declaration(&mut self, overruled: bool) -> Result<(), ReadError> {
        let start = self.at + 5;
        if !(self.bytes[self.at..].starts_with(b"<?xml") && self.bytes.get(start).is_some_and(|&b| is_space(b))) {
            return Ok(());
        }
        self.at = start;
        let mut verbatim = true;
        // In this order, each at most once, the first of them required.
        let mut expected = ["version", "encoding", "standalone"].as_slice();
        loop {
            let before = self.at;
            self.skip_space();
            if self.bytes[self.at..].starts_with(b"?>") {
                self.at += 2;
                break;
            }
            if before == self.at {
                return Err(ReadError::XmlDeclarationInvalid);
            }
            let Ok(Part::Attribute(name, value, _)) = self.attribute(&mut verbatim) else {
                return Err(ReadError::XmlDeclarationInvalid);
            };
            let (name, value) = (&self.source[name], &self.source[value]);
            let place = expected.iter().position(|&other| other == name);
            let required = expected.len() == 3;
            match (name, place) {
                ("version", Some(_)) if value == "1.0" => {}
                ("encoding", Some(_)) if !required && (overruled || value.eq_ignore_ascii_case("utf-8")) => {}
                ("encoding", Some(_)) if !required => return Err(ReadError::EncodingNotUtf8),
                ("standalone", Some(_)) if !required && matches!(value, "yes" | "no") => {}
                _ => return Err(ReadError::XmlDeclarationInvalid),
            }
            expected = &expected[place.map_or(0, |place| place + 1)..];
        }
        if expected.len() == 3 { Err(ReadError::XmlDeclarationInvalid) } else { Ok(()) }
    }

    #[inline]
    fn text(&mut self) -> Result<Token, ReadError> {
        let start = self.at;
        let special = |byte| (byte == b'&') | (byte == b'<') | (byte == b'>') | (byte == b'\r');
        let (end, seen) = self.scan(start, b'<', LT, special);
        self.at = end;
        if seen == 0 {
            return Ok(Token::Text(start..end, VALUE | CANONICAL));
        }
        let raw = &self.source[start..end];
        if seen & GT != 0 && raw.contains("]]>") {
            return Err(ReadError::CdataEndInText);
        }
        let mut marks = 0;
        if seen & (AMP | CR) == 0 {
            marks |= VALUE;
        }
        if seen & (GT | CR) == 0 {
            marks |= CANONICAL;
        }
        if seen & AMP != 0 && !check_references(raw, Form::Text)? {
            marks &= !CANONICAL;
        }
        Ok(Token::Text(start..end, marks))
    }

    /// Comments and CDATA sections, and the refusal of document types.
    #[cold]
    fn exclamation(&mut self) -> Result<Token, ReadError> {
        let rest = &self.bytes[self.at..];
        if rest.starts_with(b"<!--") {
            let start = self.at + 4;
            let length = memchr::memmem::find(&self.bytes[start..], b"--").ok_or(ReadError::Truncated)?;
            let end = start + length;
            match self.bytes.get(end + 2) {
                Some(b'>') => {}
                Some(_) => return Err(ReadError::CommentMalformed),
                None => return Err(ReadError::Truncated),
            }
            self.at = end + 3;
            return Ok(Token::Comment(start..end));
        }
        if rest.starts_with(b"<![CDATA[") {
            let start = self.at + 9;
            let length = memchr::memmem::find(&self.bytes[start..], b"]]>").ok_or(ReadError::Truncated)?;
            let end = start + length;
            self.at = end + 3;
            let content = &self.bytes[start..end];
            let mut marks = CDATA;
            if memchr::memchr(b'\r', content).is_none() {
                marks |= VALUE;
                if memchr::memchr3(b'&', b'<', b'>', content).is_none() {
                    marks |= CANONICAL;
                }
            }
            return Ok(Token::Text(start..end, marks));
        }
        Err(if rest.starts_with(b"<!DOCTYPE") { ReadError::Doctype } else { ReadError::MarkupMalformed })
    }

    /// Where the octet of class `stop` next stands (or the end), and the classes of all octets before it, less that of
    /// a name's end and, for text, of what it does not ask about. Only octets for which `special` holds have one that
    /// is asked about.
    #[inline]
    fn scan(&self, start: usize, byte: u8, stop: u8, special: impl Fn(u8) -> bool) -> (usize, u8) {
        /// Up to here strides are quicker than the set-up of a search for one octet.
        const SHORT: usize = 64;
        let wanted = if stop == LT { AMP | GT | CR } else { !NAME_END };
        let rest = &self.bytes[start..];
        let head = &rest[..rest.len().min(SHORT)];
        let mut seen = 0;
        let dull = find(head, special);
        for (length, &octet) in (dull..).zip(&head[dull..]) {
            let class = CLASS[octet as usize];
            if class & stop != 0 {
                return (start + length, seen & wanted);
            }
            seen |= class;
        }
        if rest.len() <= SHORT {
            return (self.bytes.len(), seen & wanted);
        }
        let rest = &rest[SHORT..];
        let rest = &rest[..memchr::memchr(byte, rest).unwrap_or(rest.len())];
        if stop != LT || memchr::memchr3(b'&', b'>', b'\r', rest).is_some() {
            seen |= rest.iter().fold(0, |seen, &octet| seen | CLASS[octet as usize]);
        }
        (start + SHORT + rest.len(), seen & wanted)
    }

    #[inline]
    fn skip_space(&mut self) {
        while self.bytes.get(self.at).is_some_and(|&byte| is_space(byte)) {
            self.at += 1;
        }
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), ReadError> {
        match self.bytes.get(self.at) {
            Some(&found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(ReadError::MarkupMalformed),
            None => Err(ReadError::Truncated),
        }
    }
}
