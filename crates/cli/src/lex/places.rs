//! Which line of a document a field stands on. Takes documents that were read already; of anything else it only
//! knows less.

use std::collections::HashMap;
use std::fmt::Write as _;

/// What a message is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Json,
    Xml,
}

impl Form {
    /// XML begins with a tag, after white space and a byte order mark.
    pub fn of(bytes: &[u8]) -> Self {
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if text.trim_ascii_start().starts_with(b"<") { Self::Xml } else { Self::Json }
    }
}

/// The lines of all fields.
#[derive(Debug)]
pub struct Places {
    form: Form,
    lines: HashMap<String, usize>,
}

impl Places {
    pub fn of(form: Form, text: &str) -> Self {
        let mut places = Self { form, lines: HashMap::new() };
        match form {
            Form::Json => places.read_json(text),
            Form::Xml => places.read_xml(text),
        }
        places
    }

    /// The line of a field as issues name it; of what is not there, the line of what it should be in.
    pub fn line(&self, field: &str) -> usize {
        // What is in the payload is named without the root.
        let mut path = if field == "lex" || field.starts_with("lex.") {
            field.to_owned()
        } else {
            format!("lex.{field}")
        };
        if self.form == Form::Xml {
            // Items of lists have names of their own there.
            while let Some((start, end)) = path.find('[').zip(path.find(']')) {
                path.replace_range(start..=end, "");
            }
        }
        loop {
            if let Some(line) = self.lines.get(&path) {
                return *line;
            }
            let Some(parent) = path.rfind(['.', '[']) else { return 1 };
            path.truncate(parent);
        }
    }

    fn read_json(&mut self, text: &str) {
        let mut open: Vec<Open> = Vec::new();
        let mut line = 1;
        let mut letters = text.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\n' => line += 1,
                '"' => {
                    let from = at + 1;
                    let mut to = from;
                    while let Some((at, letter)) = letters.next() {
                        to = at;
                        match letter {
                            '\\' => {
                                letters.next();
                            }
                            '"' => break,
                            _ => {}
                        }
                    }
                    if let Some(Open::Object { name, is_key: is_key @ true, .. }) = open.last_mut() {
                        text.get(from..to).unwrap_or_default().clone_into(name);
                        *is_key = false;
                        self.lines.entry(path(&open)).or_insert(line);
                    }
                }
                '{' => {
                    self.lines.entry(path(&open)).or_insert(line);
                    open.push(Open::Object { name: String::new(), is_key: true });
                }
                '[' => open.push(Open::List { index: 0 }),
                '}' | ']' => {
                    open.pop();
                }
                ',' => match open.last_mut() {
                    Some(Open::Object { is_key, .. }) => *is_key = true,
                    Some(Open::List { index }) => *index += 1,
                    None => {}
                },
                _ => {}
            }
        }
    }

    /// Elements by their names without prefixes. The names of items of lists are left out as well as counted.
    fn read_xml(&mut self, text: &str) {
        let mut open: Vec<String> = Vec::new();
        let mut line = 1;
        for (number, piece) in text.split('<').enumerate() {
            if number > 0
                && let Some((tag, _)) = piece.split_once('>')
            {
                let is_closed = tag.ends_with('/');
                let name = tag.split([' ', '\t', '\r', '\n', '/']).next().unwrap_or_default();
                let name = name.rsplit(':').next().unwrap_or_default();
                if tag.starts_with('/') {
                    open.pop();
                } else if !tag.starts_with(['?', '!']) {
                    open.push(name.to_owned());
                    self.lines.entry(open.join(".")).or_insert(line);
                    if is_closed {
                        open.pop();
                    }
                }
            }
            line += piece.matches('\n').count();
        }
    }
}

/// What a place in a JSON document is in.
enum Open {
    Object {
        /// The member that is being read.
        name: String,
        /// Whether the next text is a name.
        is_key: bool,
    },
    List {
        index: usize,
    },
}

fn path(open: &[Open]) -> String {
    let mut path = String::new();
    for inner in open {
        match inner {
            Open::Object { name, .. } if path.is_empty() => path.push_str(name),
            Open::Object { name, .. } => {
                path.push('.');
                path.push_str(name);
            }
            Open::List { index } => write!(path, "[{index}]").unwrap_or_default(),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_in_json_and_what_is_missing_where_it_should_be() {
        let text =
            "{\n\"lex\": {\n \"payload\": {\"a\\\"b\": 1,\n  \"c\": [1, {\"d\": \"x,y\"},\n   {\"d\": 2}]}}}";
        let places = Places::of(Form::of(text.as_bytes()), text);
        for (field, line) in [
            ("lex", 2),
            ("payload", 3),
            ("payload.c", 4),
            ("payload.c[1].d", 4),
            ("payload.c[2].d", 5),
            ("payload.c[2].e", 5),
            ("payload.e.f", 3),
            ("lex.header", 2),
            ("elsewhere", 2),
        ] {
            assert_eq!(places.line(field), line, "{field}");
        }
    }

    #[test]
    fn elements_are_found_in_xml() {
        let text = "<?xml version=\"1.0\"?>\n<l:lex xmlns:l=\"u\">\n<header/>\n<payload><lead>\n<leadId>1</leadId></lead></payload></l:lex>";
        let places = Places::of(Form::of(text.as_bytes()), text);
        for (field, line) in
            [("lex.header.timestamp", 3), ("payload.lead.leadId", 5), ("payload.lead.status", 4)]
        {
            assert_eq!(places.line(field), line, "{field}");
        }
    }
}
