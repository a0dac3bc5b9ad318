//! Operators: the comparisons that all selectors by labels are made of.

use serde_json::Value;

/// How a label's value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    In,
    NotIn,
    Exists,
    Missing,
    Greater,
    Less,
}

impl Operator {
    /// Finds an operator by the name it has in `matchExpressions`.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "In" => Self::In,
            "NotIn" => Self::NotIn,
            "Exists" => Self::Exists,
            "DoesNotExist" => Self::Missing,
            "Gt" => Self::Greater,
            "Lt" => Self::Less,
            _ => return None,
        })
    }

    /// Returns true if a label with this value fits; `None` stands for a label that is missing.
    pub(super) fn accepts<'a>(
        self,
        value: Option<&str>,
        mut wanted: impl Iterator<Item = &'a str>,
    ) -> bool {
        match self {
            Self::In => value.is_some_and(|value| wanted.any(|one| one == value)),
            Self::NotIn => value.is_none_or(|value| wanted.all(|one| one != value)),
            Self::Exists => value.is_some(),
            Self::Missing => value.is_none(),
            Self::Greater => compare(value, wanted.next(), |value, than| value > than),
            Self::Less => compare(value, wanted.next(), |value, than| value < than),
        }
    }
}

/// Compares two numbers; returns false if one of them is missing or is none.
fn compare(value: Option<&str>, than: Option<&str>, holds: fn(i64, i64) -> bool) -> bool {
    let number = |text: Option<&str>| text?.parse::<i64>().ok();
    number(value).zip(number(than)).is_some_and(|(value, than)| holds(value, than))
}

/// Returns true if a value meets one entry of `matchExpressions` or `matchFields`.
pub(super) fn meets(expression: &Value, value: Option<&str>) -> bool {
    let wanted = expression["values"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let operator = expression["operator"].as_str().and_then(Operator::named);
    operator.is_some_and(|operator| operator.accepts(value, wanted))
}
