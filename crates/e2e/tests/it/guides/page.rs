//! A guide as its blocks.

use super::answer::{Expected, Form};
use std::fs;
use std::path::Path;

/// A fenced block.
#[derive(Debug)]
pub enum Block {
    /// Commands of the guide's shell.
    Shell(String),
    /// A file to save.
    File { name: String, text: String },
    /// What the commands before it answer.
    Answer(Expected),
}

#[derive(Debug)]
pub struct Page {
    pub name: String,
    pub blocks: Vec<Block>,
    /// To other files, without what is behind `#`.
    pub links: Vec<String>,
}

impl Page {
    /// # Panics
    /// When a block is neither commands, nor a file, nor an answer to the commands before it.
    pub fn read(file: &Path) -> Self {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let (mut blocks, mut links) = (Vec::new(), Vec::new());
        let text = fs::read_to_string(file).unwrap();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(language) = line.strip_prefix("```") {
                let inside = lines.by_ref().take_while(|line| *line != "```");
                let text: String = inside.flat_map(|line| [line, "\n"]).collect();
                assert!(!text.is_empty(), "{name}: an empty block");
                let block = block(&name, language, text);
                let commands_before = matches!(blocks.last(), Some(Block::Shell(_)));
                assert!(
                    !matches!(block, Block::Answer(_)) || commands_before,
                    "{name}: an answer to nothing"
                );
                blocks.push(block);
            } else {
                links.extend(links_of(line));
            }
        }
        Self { name, blocks, links }
    }

    /// The commands in order, each block with the answer that follows it.
    pub fn shells(&self) -> impl Iterator<Item = (&str, Option<&Expected>)> {
        self.blocks.iter().enumerate().filter_map(|(index, block)| {
            let Block::Shell(commands) = block else { return None };
            let answer = match self.blocks.get(index + 1) {
                Some(Block::Answer(expected)) => Some(expected),
                _ => None,
            };
            Some((commands.as_str(), answer))
        })
    }
}

fn block(page: &str, language: &str, text: String) -> Block {
    let form = match language {
        "sh" => return Block::Shell(text),
        "py" | "js" | "rust" => {
            let first = text.lines().next().unwrap().trim_start_matches(['/', '#', '!', ' ']);
            let name = first.split([':', ' ']).next().unwrap().to_owned();
            assert!(name.contains('.'), "{page}: a block of {language} does not begin with its file's name");
            return Block::File { name, text };
        }
        "json" => Form::Json,
        "http" => Form::Http,
        "text" => Form::Text,
        _ => panic!("{page}: nothing is known about blocks of '{language}'"),
    };
    Block::Answer(Expected { form, text })
}

fn links_of(line: &str) -> impl Iterator<Item = String> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.map(|target| target.split('#').next().unwrap_or_default());
    files.filter(|target| !target.is_empty() && !target.contains("://")).map(str::to_owned)
}
