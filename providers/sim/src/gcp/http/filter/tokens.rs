//! The pieces of a filter expression.

/// A piece of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// `(`
    Open,
    /// `)`
    Close,
    /// A bare word.
    Word(String),
    /// A word in quotes.
    Quoted(String),
    /// A comparison.
    Sign(&'static str),
}

impl Token {
    /// Returns true if a value follows: it may hold what else would end a word.
    fn is_before_value(&self) -> bool {
        match self {
            Self::Sign(_) => true,
            Self::Word(word) => word == "eq" || word == "ne",
            _ => false,
        }
    }
}

/// The signs, longer ones first.
const SIGNS: [&str; 7] = ["!=", "<=", ">=", "=", "<", ">", ":"];

/// Cuts an expression into its pieces; `None` if a quote is left open.
pub fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let used = match c {
            '(' => {
                tokens.push(Token::Open);
                1
            }
            ')' => {
                tokens.push(Token::Close);
                1
            }
            '"' | '\'' => {
                let (quoted, used) = quoted(rest, c)?;
                tokens.push(Token::Quoted(quoted));
                used
            }
            _ => match SIGNS.iter().find(|s| rest.starts_with(**s)) {
                Some(sign) => {
                    tokens.push(Token::Sign(sign));
                    sign.len()
                }
                None => {
                    let used = bare(rest, tokens.last().is_some_and(Token::is_before_value));
                    tokens.push(Token::Word(rest[..used].to_owned()));
                    used
                }
            },
        };
        rest = rest[used..].trim_start();
    }
    Some(tokens)
}

fn quoted(rest: &str, quote: char) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return Some((text, at + c.len_utf8()));
        }
        if c == '\\' {
            let (_, next) = chars.next()?;
            // An escape of a regular expression stays one.
            if next != quote && next != '\\' {
                text.push('\\');
            }
            text.push(next);
        } else {
            text.push(c);
        }
    }
    None
}

/// Returns how long a bare word is. A value ends at a space or an unopened bracket.
fn bare(rest: &str, is_value: bool) -> usize {
    let (mut depth, mut in_key) = (0u32, false);
    for (at, c) in rest.char_indices() {
        let ends = match c {
            c if c.is_whitespace() => !in_key,
            '"' if !is_value => {
                in_key = !in_key;
                false
            }
            '(' => {
                depth += 1;
                !is_value
            }
            ')' if depth > 0 => {
                depth -= 1;
                !is_value
            }
            ')' => true,
            '=' | '<' | '>' | '!' | ':' => !is_value && !in_key && at > 0 && is_field(&rest[..at]),
            _ => false,
        };
        if ends {
            return at.max(1);
        }
    }
    rest.len()
}

/// Returns true if the text may be a field: what is right of a sign may hold signs itself.
fn is_field(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "._-\"".contains(c))
}
