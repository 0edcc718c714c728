//! A walk over the elements of an XML document, without building a tree: memory grows with the
//! depth only. Namespaces are ignored, local names compared.
//!
//! No document type, and so no entity of its own: what such a document means depends on files that
//! are not there.

use std::borrow::Cow;
use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::error::{Error, Result};

/// Largest document that is read; it is held in memory.
pub(super) const LONGEST: u64 = 64 << 20;

/// Elements nested deeper are refused.
const DEEPEST: usize = 64;

/// An element with more attributes is refused.
const MOST_ATTRIBUTES: usize = 256;

/// The start of an element.
pub(super) struct Tag<'a> {
    name: String,
    start: BytesStart<'a>,
}

impl Tag<'_> {
    /// The local name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of the attribute with this local name.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let mut attributes = self.start.attributes();
        let found = attributes
            .with_checks(false)
            .flatten()
            .find(|attribute| attribute.key.local_name().as_ref() == name.as_bytes())?;
        let text = String::from_utf8_lossy(&found.value).into_owned();
        // An entity that is not known stays as it is written.
        let plain = quick_xml::escape::unescape(&text).map(Cow::into_owned);
        Some(plain.unwrap_or(text).trim().to_string())
    }

    /// The same, empty if there is none.
    pub fn attribute_or_empty(&self, name: &str) -> String {
        self.attribute(name).unwrap_or_default()
    }
}

/// Where a walk stands in a document.
pub(super) struct Xml<'a> {
    reader: Reader<&'a [u8]>,
    file: &'a Path,
    depth: usize,
}

/// What comes next.
enum Step<'a> {
    Start(Tag<'a>),
    End,
    Text(String),
    Over,
}

impl<'a> Xml<'a> {
    /// Starts before the root. `file` is for messages.
    pub fn new(bytes: &'a [u8], file: &'a Path) -> Result<Self> {
        let fault = |problem: &str| Error::input(file, format!("XML: {problem}"));
        if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
            return Err(fault("text in UTF-16; expected UTF-8"));
        }
        if bytes.len() as u64 > LONGEST {
            let text = format!("{} bytes; at most {LONGEST} are read", bytes.len());
            return Err(fault(&text));
        }
        let mut reader = Reader::from_reader(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes));
        reader.config_mut().expand_empty_elements = true;
        Ok(Self { reader, file, depth: 0 })
    }

    /// A fault at this place of the document.
    pub fn fault(&self, problem: impl std::fmt::Display) -> Error {
        Error::input(
            self.file,
            format!("XML near byte {}: {problem}", self.reader.buffer_position()),
        )
    }

    /// Goes to the root element.
    pub fn root(&mut self) -> Result<Tag<'a>> {
        loop {
            match self.step()? {
                Step::Start(tag) => return Ok(tag),
                Step::Text(text) if text.trim().is_empty() => {}
                _ => return Err(self.fault("no root element")),
            }
        }
    }

    /// Visits the children of the element whose start was read last, up to its end. What `visit`
    /// leaves of a child unread is passed over.
    pub fn children(
        &mut self,
        visit: &mut dyn FnMut(&mut Self, &Tag<'a>) -> Result<()>,
    ) -> Result<()> {
        let own = self.depth;
        loop {
            match self.step()? {
                Step::Start(tag) => {
                    visit(self, &tag)?;
                    while self.depth > own {
                        self.step()?;
                    }
                }
                Step::End => return Ok(()),
                Step::Text(_) => {}
                Step::Over => return Err(self.fault("the document ends inside an element")),
            }
        }
    }

    /// The text of the element whose start was read last, trimmed, up to its end.
    pub fn text(&mut self) -> Result<String> {
        let own = self.depth;
        let mut all = String::new();
        while self.depth >= own {
            if let Step::Text(text) = self.step()?
                && self.depth == own
            {
                all.push_str(&text);
            }
        }
        Ok(all.trim().to_string())
    }

    /// The same as a finite number.
    pub fn number(&mut self) -> Result<f64> {
        let text = self.text()?;
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(self.fault(format_args!("expected a number, found '{}'", shortened(&text)))),
        }
    }

    fn step(&mut self) -> Result<Step<'a>> {
        loop {
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(error) => return Err(self.fault(error)),
            };
            return Ok(match event {
                Event::Start(start) => self.start(start)?,
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    Step::End
                }
                Event::Text(text) => Step::Text(String::from_utf8_lossy(&text).into_owned()),
                Event::CData(text) => Step::Text(String::from_utf8_lossy(&text).into_owned()),
                Event::GeneralRef(reference) => {
                    let name = String::from_utf8_lossy(&reference).into_owned();
                    let character = reference.resolve_char_ref().ok().flatten();
                    match character.or_else(|| predefined(&name)) {
                        Some(character) => Step::Text(character.into()),
                        None => {
                            let text = format!("'&{};' is not defined", shortened(&name));
                            return Err(self.fault(text));
                        }
                    }
                }
                Event::DocType(_) => {
                    return Err(self.fault("a document type is not accepted (<!DOCTYPE …>)"));
                }
                Event::Eof if self.depth > 0 => {
                    return Err(self.fault("the document ends inside an element"));
                }
                Event::Eof => Step::Over,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Empty(_) => continue,
            });
        }
    }

    fn start(&mut self, start: BytesStart<'a>) -> Result<Step<'a>> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.fault(format_args!("elements nested deeper than {DEEPEST}")));
        }
        let mut attributes = start.attributes();
        let mut count = 0;
        for attribute in attributes.with_checks(false) {
            attribute.map_err(|error| self.fault(error))?;
            count += 1;
            if count > MOST_ATTRIBUTES {
                let text = format!("an element with more than {MOST_ATTRIBUTES} attributes");
                return Err(self.fault(text));
            }
        }
        let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
        Ok(Step::Start(Tag { name, start }))
    }
}

fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

/// For messages: what a file holds may be long.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every text of a document, by path.
    fn texts(document: &str) -> Result<Vec<String>> {
        fn walk(xml: &mut Xml<'_>, path: &str, found: &mut Vec<String>) -> Result<()> {
            xml.children(&mut |xml, tag| {
                let path = format!("{path}/{}", tag.name());
                if tag.name().starts_with('t') {
                    found.push(format!("{path}={}", xml.text()?));
                    return Ok(());
                }
                if let Some(value) = tag.attribute("a") {
                    found.push(format!("{path}@a={value}"));
                }
                if tag.name() == "passed-over" { Ok(()) } else { walk(xml, &path, found) }
            })
        }
        let mut found = Vec::new();
        let mut xml = Xml::new(document.as_bytes(), Path::new("a.xml"))?;
        xml.root()?;
        walk(&mut xml, "", &mut found)?;
        Ok(found)
    }

    #[test]
    fn names_texts_and_attributes_come_whatever_the_notation() {
        let document = "\u{FEFF}<?xml version='1.0'?><!-- c --><x:r xmlns:x='u'><x:b y:a=' 1 &amp; 2'/>\
            <passed-over><t>no</t></passed-over><t> a &lt;<![CDATA[<b>]]>&#x63;<i>x</i> </t></x:r>";
        assert_eq!(texts(document).unwrap(), ["/b@a=1 & 2", "/t=a <<b>c"]);
    }

    #[test]
    fn what_is_broken_or_bottomless_is_refused() {
        let deep = "<a>".repeat(70);
        let many: String = (0..300).map(|i| format!(" a{i}='1'")).collect();
        let many = format!("<r><b{many}/></r>");
        for (document, expected) in [
            ("", "no root"),
            ("text", "no root"),
            ("<r><b></r>", "near byte"),
            ("<r><b>", "ends inside"),
            ("<!DOCTYPE r [<!ENTITY e 'x'>]><r>&e;</r>", "document type"),
            ("<r>&unknown;</r>", "'&unknown;' is not defined"),
            (&deep, "deeper than 64"),
            (&many, "more than 256 attributes"),
        ] {
            let message = texts(document).unwrap_err().to_string();
            assert!(message.contains(expected), "{document:.40}: {message}");
        }
        assert!(Xml::new(b"\xFF\xFE<\0", Path::new("a")).is_err());
    }
}
