//! How many nodes of a pool are replaced at once, in the words and with the rounding of a Deployment's rolling
//! update.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A number of nodes, or a share of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Bound {
    /// So many nodes.
    Nodes(u32),
    /// So many of a hundred.
    Percent(u32),
}

impl Bound {
    /// Returns the number of nodes of `nodes`; a share is rounded up or down.
    fn of(self, nodes: usize, up: bool) -> usize {
        match self {
            Self::Nodes(count) => count as usize,
            Self::Percent(percent) if up => (nodes * percent as usize).div_ceil(100),
            Self::Percent(percent) => nodes * percent as usize / 100,
        }
    }
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is neither a number of nodes nor a share: write 3 or 30%");
        match text.strip_suffix('%') {
            Some(percent) => {
                let percent = percent.parse().map_err(|_| wrong())?;
                if percent > 100 {
                    return Err(format!("`{text}` is more than all nodes: write 100% at most"));
                }
                Ok(Self::Percent(percent))
            }
            None => text.parse().map(Self::Nodes).map_err(|_| wrong()),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nodes(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl TryFrom<String> for Bound {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Bound> for String {
    fn from(bound: Bound) -> Self {
        bound.to_string()
    }
}

/// How a pool's nodes are replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// How many machines there may be more than the pool has; a share is rounded up. Default: one.
    pub max_surge: Option<Bound>,
    /// How many nodes may be away before their successors are Ready; a share is rounded down. Default: none.
    pub max_unavailable: Option<Bound>,
}

/// How many nodes of a pool are replaced at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtOnce {
    /// So many have their successors first.
    pub surge: usize,
    /// So many go first, and are made again in their place.
    pub unavailable: usize,
}

impl AtOnce {
    /// Returns how many there are in all.
    pub fn all(self) -> usize {
        self.surge + self.unavailable
    }
}

impl Rollout {
    /// Returns it with what `other` says besides.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            max_surge: self.max_surge.or(other.max_surge),
            max_unavailable: self.max_unavailable.or(other.max_unavailable),
        }
    }

    /// Returns how many of `nodes` are replaced at once.
    ///
    /// # Errors
    /// Returns a sentence if that is none.
    pub fn at_once(self, nodes: usize) -> Result<AtOnce, String> {
        let surge = self.max_surge.unwrap_or(match self.max_unavailable {
            // Who names only the other one means that.
            Some(bound) if bound.of(nodes, false) > 0 => Bound::Nodes(0),
            _ => Bound::Nodes(1),
        });
        let unavailable = self.max_unavailable.map_or(0, |bound| bound.of(nodes, false));
        let at_once = AtOnce { surge: surge.of(nodes, true), unavailable: unavailable.min(nodes) };
        if at_once.all() == 0 {
            return Err(
                "max_surge and max_unavailable are both 0, so no node could be replaced".to_owned()
            );
        }
        Ok(at_once)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rollout(surge: Option<&str>, unavailable: Option<&str>) -> Rollout {
        let bound = |text: Option<&str>| text.map(|text| text.parse().unwrap());
        Rollout { max_surge: bound(surge), max_unavailable: bound(unavailable) }
    }

    #[test]
    fn shares_are_rounded_as_kubernetes_rounds_them() {
        let of = |surge, unavailable, nodes| {
            let at_once = rollout(surge, unavailable).at_once(nodes).unwrap();
            (at_once.surge, at_once.unavailable)
        };
        assert_eq!(of(None, None, 9), (1, 0));
        assert_eq!(of(Some("3"), None, 9), (3, 0));
        assert_eq!(of(Some("25%"), Some("25%"), 10), (3, 2), "up and down");
        assert_eq!(of(Some("0"), Some("1"), 9), (0, 1));
        assert_eq!(of(None, Some("2"), 9), (0, 2), "only one of them is named");
        assert_eq!(of(None, Some("10%"), 4), (1, 0), "it comes to nothing");
        assert_eq!(of(Some("100%"), None, 4), (4, 0));
        let none = rollout(Some("0"), Some("0%")).at_once(9).unwrap_err();
        assert!(none.contains("both 0"), "{none}");
        assert!(rollout(Some("0"), Some("10%")).at_once(4).is_err());
    }

    #[test]
    fn a_bound_is_a_number_or_a_share() {
        assert_eq!("30%".parse(), Ok(Bound::Percent(30)));
        assert_eq!(Bound::Nodes(3).to_string(), "3");
        for wrong in ["", "-1", "x", "101%", "1.5", "%"] {
            assert!(wrong.parse::<Bound>().is_err(), "{wrong}");
        }
    }
}
