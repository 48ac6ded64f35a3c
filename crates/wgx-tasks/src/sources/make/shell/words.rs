//! Splitting the text of a shell command into pipelines of words, as far as no shell is needed for it.

use std::iter::Peekable;
use std::str::Chars;

/// A word after quotes are removed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Word {
    pub(super) text: String,
    /// It holds `*`, `?` or `[` outside of quotes, so the shell would look for file names.
    pub(super) glob: bool,
}

/// How a command is joined to the one before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Join {
    Then,
    And,
    Or,
    Pipe,
}

/// A simple command with its redirections.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) join: Join,
    pub(super) words: Vec<Word>,
    /// `< FILE`.
    pub(super) input: Option<String>,
    /// `> /dev/null`.
    pub(super) silent: bool,
    /// `2>&1` with an output that is read: errors would be part of it.
    pub(super) with_errors: bool,
}

/// The commands of a text; `None` for substitutions, files that are written, and everything else that
/// only a shell can interpret.
pub(super) fn commands(text: &str) -> Option<Vec<Command>> {
    let mut splitter = Splitter { chars: text.chars().peekable(), found: Vec::new(), word: None };
    splitter.command(Join::Then);
    splitter.run()?;
    let mut found = splitter.found;
    if found.last().is_some_and(|last| last.words.is_empty() && last.join == Join::Then) {
        found.pop();
    }
    let whole = found.iter().all(|command| !command.words.is_empty());
    whole.then_some(found)
}

struct Splitter<'t> {
    chars: Peekable<Chars<'t>>,
    found: Vec<Command>,
    word: Option<Word>,
}

impl Splitter<'_> {
    fn command(&mut self, join: Join) {
        let words = Vec::new();
        self.found.push(Command { join, words, input: None, silent: false, with_errors: false });
    }

    fn run(&mut self) -> Option<()> {
        while let Some(char) = self.chars.next() {
            match char {
                '\'' => self.single_quoted()?,
                '"' => self.double_quoted()?,
                '\\' => match self.chars.next()? {
                    '\n' => {}
                    other => self.push(other),
                },
                '\n' | ';' => self.next_command(Join::Then)?,
                '&' if self.chars.next_if_eq(&'&').is_some() => self.next_command(Join::And)?,
                '&' if self.chars.next_if_eq(&'>').is_some() => {
                    self.end_word();
                    self.output_to_null()?;
                }
                '|' if self.chars.next_if_eq(&'|').is_some() => self.next_command(Join::Or)?,
                '|' if self.chars.peek() != Some(&'&') => self.next_command(Join::Pipe)?,
                '>' => self.redirected()?,
                '<' => {
                    self.end_word();
                    let file = self.plain_word()?;
                    self.found.last_mut()?.input = Some(file);
                }
                '#' | '~' if self.word.is_none() => return None,
                '$' | '`' | '(' | ')' | '&' | '|' => return None,
                char if char.is_whitespace() => self.end_word(),
                char => {
                    self.push(char);
                    if let (Some(word), '*' | '?' | '[') = (&mut self.word, char) {
                        word.glob = true;
                    }
                }
            }
        }
        self.end_word();
        // `{a,b}` and `{ list; }` are the shell's, `{}` alone is a word.
        let braces = |word: &Word| word.text.starts_with('{') && word.text != "{}";
        let any = self.found.iter().flat_map(|command| &command.words).any(braces);
        (!any).then_some(())
    }

    fn push(&mut self, char: char) {
        self.word.get_or_insert_default().text.push(char);
    }

    fn end_word(&mut self) {
        if let (Some(word), Some(last)) = (self.word.take(), self.found.last_mut()) {
            last.words.push(word);
        }
    }

    fn next_command(&mut self, join: Join) -> Option<()> {
        self.end_word();
        let last = self.found.last_mut()?;
        if last.words.is_empty() {
            return (join == Join::Then && last.join == Join::Then).then_some(());
        }
        self.command(join);
        Some(())
    }

    fn single_quoted(&mut self) -> Option<()> {
        self.word.get_or_insert_default();
        loop {
            match self.chars.next()? {
                '\'' => return Some(()),
                other => self.push(other),
            }
        }
    }

    fn double_quoted(&mut self) -> Option<()> {
        self.word.get_or_insert_default();
        loop {
            match self.chars.next()? {
                '"' => return Some(()),
                '$' | '`' => return None,
                '\\' => match self.chars.next()? {
                    '\n' => {}
                    escaped @ ('"' | '\\' | '$' | '`') => self.push(escaped),
                    other => {
                        self.push('\\');
                        self.push(other);
                    }
                },
                other => self.push(other),
            }
        }
    }

    /// `> /dev/null`, `2> /dev/null` and `2>&1`.
    fn redirected(&mut self) -> Option<()> {
        let number = match self.word.take() {
            Some(word) if word.text == "1" || word.text == "2" => word.text,
            Some(word) => {
                self.word = Some(word);
                self.end_word();
                "1".to_owned()
            }
            None => "1".to_owned(),
        };
        if self.chars.next_if_eq(&'&').is_some() {
            let to = self.plain_word()?;
            if number != "2" || to != "1" {
                return None;
            }
            let last = self.found.last_mut()?;
            last.with_errors = !last.silent;
            return Some(());
        }
        if number == "1" {
            return self.output_to_null();
        }
        (self.plain_word()? == "/dev/null").then_some(())
    }

    fn output_to_null(&mut self) -> Option<()> {
        if self.plain_word()? != "/dev/null" {
            return None;
        }
        self.found.last_mut()?.silent = true;
        Some(())
    }

    /// The word after a redirection.
    fn plain_word(&mut self) -> Option<String> {
        while self.chars.next_if(|char| *char == ' ' || *char == '\t').is_some() {}
        let mut word = String::new();
        let plain = |char: &char| char.is_alphanumeric() || "/._-".contains(*char);
        while let Some(char) = self.chars.next_if(plain) {
            word.push(char);
        }
        let ends =
            self.chars.peek().is_none_or(|char| char.is_whitespace() || ";&|".contains(*char));
        (ends && !word.is_empty()).then_some(word)
    }
}
