//! Reading a shape from its text.

use std::collections::BTreeMap;

use super::{Field, Kind, Shape};

impl Shape {
    /// Reads a shape. What can't be read is left out, so that a call with it is refused.
    pub fn new(text: &str) -> Self {
        let mut rest: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).rev().collect();
        Self::read(&mut rest)
    }

    fn read(rest: &mut Vec<char>) -> Self {
        let mut fields = BTreeMap::new();
        loop {
            let mut name = String::new();
            while let Some(c) = rest.last().copied().filter(|c| !",()[]:<>".contains(*c)) {
                rest.pop();
                name.push(c);
            }
            let mut is_list = false;
            if rest.last() == Some(&'[') {
                rest.pop();
                rest.pop();
                is_list = true;
            }
            let kind = match rest.last() {
                Some('(') => {
                    rest.pop();
                    Kind::Message(Self::read(rest))
                }
                Some(':') => {
                    rest.pop();
                    Self::kind(rest)
                }
                _ => Kind::Text,
            };
            if !name.is_empty() {
                fields.insert(name, Field { is_list, kind });
            }
            match rest.pop() {
                Some(',') => {}
                _ => return Self { fields },
            }
        }
    }

    fn kind(rest: &mut Vec<char>) -> Kind {
        match rest.pop() {
            Some('b') => Kind::Bool,
            Some('i' | 'n') => Kind::Number,
            Some('l') => Kind::Long,
            Some('m') => Kind::Map,
            Some('a') => Kind::Any,
            Some('e') => {
                let mut names = String::new();
                rest.pop();
                while let Some(c) = rest.pop().filter(|c| *c != '>') {
                    names.push(c);
                }
                Kind::Enum(names.split('|').map(str::to_owned).collect())
            }
            _ => Kind::Text,
        }
    }
}
