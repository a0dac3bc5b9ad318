//! Globs over paths and names.

/// Returns true if `text` matches `pattern`: `*` stands for any run of characters (also `/`), `?`
/// for one.
pub fn glob(pattern: &str, text: &str) -> bool {
    let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut i, mut j) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while j < t.len() {
        match p.get(i) {
            Some('*') => {
                star = Some((i, j));
                i += 1;
            }
            Some(c) if *c == '?' || *c == t[j] => {
                i += 1;
                j += 1;
            }
            _ => match star {
                Some((si, sj)) => {
                    i = si + 1;
                    j = sj + 1;
                    star = Some((si, sj + 1));
                }
                None => return false,
            },
        }
    }
    p[i..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn globs() {
        assert!(glob("*", ""));
        assert!(glob("/v2/droplets*", "/v2/droplets/12"));
        assert!(glob("/v2/*/records", "/v2/domains/example.com/records"));
        assert!(!glob("/v2/droplets", "/v2/droplets/12"));
        assert!(glob("worker-?", "worker-1"));
        assert!(!glob("worker-?", "worker-12"));
        assert!(glob("*a*b", "xaaxb"));
        assert!(!glob("*a*b", "xaaxbc"));
    }
}
