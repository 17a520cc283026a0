//! XML as a tree of elements, within bounds: no document type, no entities of its own, no mixed content.

use super::names::{FIELD, is_character, is_name};
use super::{PRESERVE, SPACE};
use crate::json::{MAX_DEPTH, MAX_VALUES, without_mark};
use crate::message::Unreadable;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

/// An element: either text or children. Namespaces are passed over, and all attributes but two.
#[derive(Default)]
pub(super) struct Element {
    /// Its local name.
    name: String,
    /// What the attribute `name` of a `field` says.
    field: Option<String>,
    /// Whether white space counts, `xml:space="preserve"`.
    preserve: bool,
    text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// The JSON name that it stands for.
    pub(super) fn name(&self) -> &str {
        self.field.as_deref().unwrap_or(&self.name)
    }

    /// Its text; `None` when it is empty, which stands for absent.
    pub(super) fn text(&self) -> Option<&str> {
        if self.preserve {
            return Some(&self.text);
        }
        Some(self.text.trim_matches(is_space)).filter(|text| !text.is_empty())
    }

    fn open(start: &BytesStart) -> Result<Self, Unreadable> {
        let name = utf8(start.local_name().as_ref())?;
        if !is_name(&name) {
            return Err(broken(&format_args!("no element can be called {name:?}")));
        }
        let mut element = Self { name, ..Self::default() };
        let mut attributes = start.attributes();
        // What is looked for is found first or never: comparing each attribute with all before it would take for ever.
        for attribute in attributes.with_checks(false) {
            let attribute = attribute.map_err(|error| broken(&error))?;
            let key = attribute.key.as_ref();
            let field = element.name == FIELD && key == b"name";
            if !field && key != SPACE.as_bytes() {
                continue;
            }
            let value =
                attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| broken(&error))?;
            if field {
                element.field = Some(value.into_owned());
            } else {
                element.preserve = value == PRESERVE;
            }
        }
        Ok(element)
    }

    fn close(self) -> Result<Self, Unreadable> {
        if self.children.is_empty() || self.text.trim_matches(is_space).is_empty() {
            return Ok(self);
        }
        Err(Unreadable(format!("element {:?} has both text and elements", self.name)))
    }
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

fn utf8(bytes: &[u8]) -> Result<String, Unreadable> {
    str::from_utf8(bytes).map(str::to_owned).map_err(|error| broken(&error))
}

fn broken(error: &dyn std::fmt::Display) -> Unreadable {
    Unreadable(format!("the body is not readable as XML: {error}"))
}

/// The elements that are open, from the root inwards.
#[derive(Default)]
struct Building {
    open: Vec<Element>,
    root: Option<Element>,
    count: usize,
}

impl Building {
    fn begin(&mut self, start: &BytesStart) -> Result<(), Unreadable> {
        self.count += 1;
        if self.count > MAX_VALUES {
            return Err(broken(&format_args!("it has more than {MAX_VALUES} elements")));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(broken(&format_args!("it nests deeper than {MAX_DEPTH} levels")));
        }
        if self.root.is_some() {
            return Err(broken(&"it has more than one root"));
        }
        self.open.push(Element::open(start)?);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Unreadable> {
        let Some(element) = self.open.pop() else { return Err(broken(&"an element ends that was not open")) };
        let element = element.close()?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Unreadable> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim_matches(is_space).is_empty() => {}
            None => return Err(broken(&"there is text outside its root")),
        }
        Ok(())
    }
}

/// The root of the document.
pub(super) fn parse(bytes: &[u8]) -> Result<Element, Unreadable> {
    let text = str::from_utf8(without_mark(bytes)).map_err(|error| broken(&error))?;
    if let Some(forbidden) = text.chars().find(|character| !is_character(*character)) {
        return Err(broken(&format_args!("it has the character U+{:04X}", u32::from(forbidden))));
    }
    let mut reader = Reader::from_str(text);
    let mut building = Building::default();
    loop {
        match reader.read_event().map_err(|error| broken(&error))? {
            Event::Start(start) => building.begin(&start)?,
            Event::Empty(start) => {
                building.begin(&start)?;
                building.end()?;
            }
            Event::End(_) => building.end()?,
            Event::Text(text) => building.text(&text.xml10_content().map_err(|error| broken(&error))?)?,
            Event::CData(text) => building.text(&text.xml10_content().map_err(|error| broken(&error))?)?,
            Event::GeneralRef(reference) => building.text(resolve(&reference)?.encode_utf8(&mut [0; 4]))?,
            Event::Decl(declaration) => check_encoding(&declaration)?,
            Event::DocType(_) => return Err(broken(&"document types are not read")),
            Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    match building.root {
        Some(root) if building.open.is_empty() => Ok(root),
        _ => Err(broken(&"it ends too early")),
    }
}

/// A character by number, or one of the five that have a name in every document.
fn resolve(reference: &BytesRef) -> Result<char, Unreadable> {
    if let Some(character) = reference.resolve_char_ref().map_err(|error| broken(&error))? {
        let allowed = is_character(character);
        return if allowed { Ok(character) } else { Err(broken(&"it names a character that XML forbids")) };
    }
    match &**reference {
        b"amp" => Ok('&'),
        b"lt" => Ok('<'),
        b"gt" => Ok('>'),
        b"quot" => Ok('"'),
        b"apos" => Ok('\''),
        other => Err(broken(&format_args!("entity {:?} is not known", String::from_utf8_lossy(other)))),
    }
}

fn check_encoding(declaration: &BytesDecl) -> Result<(), Unreadable> {
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(name)) if name.eq_ignore_ascii_case(b"utf-8") || name.eq_ignore_ascii_case(b"us-ascii") => {
            Ok(())
        }
        Some(Ok(name)) => {
            Err(broken(&format_args!("encoding {:?} is not UTF-8", String::from_utf8_lossy(&name))))
        }
        Some(Err(error)) => Err(broken(&error)),
    }
}
