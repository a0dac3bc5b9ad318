//! Inputs made from seeds: a few changes each, of bytes and of what texts are made of.

/// Words that mean something to a reader, or have broken one somewhere.
const WORDS: &[&str] = &[
    "null",
    "true",
    "{}",
    "[]",
    "\"\"",
    "0",
    "-1",
    "1e999",
    "-0.0",
    "4294967296",
    "18446744073709551615",
    "9223372036854775808",
    "0.1",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\u{feff}",
    "é",
    "😀",
    "\0",
    "\n",
    "\r\n",
    "=",
    "[[",
    "]]",
    "\"\"\"",
    "'''",
    "\\",
    "#",
    "..",
    "-g2",
    "::",
    "0000-00-00",
    "10.0.0.0/33",
    "0.0.0.0/0",
    "::/0",
    "99999999999s",
    "1EiB",
    "${",
    "$ref",
    "\"$secret\"",
    "a.b",
    ".",
    "version",
    "99",
];
const INPUT_MAX: usize = 64 * 1024;

/// Numbers that follow from a seed (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % (limit.max(1) as u64)).unwrap_or(0)
    }
}

/// Makes one input.
pub struct Mutator<'a> {
    numbers: Numbers,
    seeds: &'a [Vec<u8>],
}

impl<'a> Mutator<'a> {
    pub fn new(seed: u64, iteration: u64, seeds: &'a [Vec<u8>]) -> Self {
        let mut numbers = Numbers(seed.wrapping_mul(0x1_0000_0000).wrapping_add(iteration));
        numbers.next();
        Self { numbers, seeds }
    }

    pub fn input(mut self) -> Vec<u8> {
        let first = self.numbers.below(self.seeds.len());
        let mut bytes = self.seeds[first].clone();
        for _ in 0..=self.numbers.below(4) {
            self.change(&mut bytes);
            bytes.truncate(INPUT_MAX);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.numbers.below(bytes.len() + 1);
        let end = (at + 1 + self.numbers.below(40)).min(bytes.len());
        match self.numbers.below(11) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.numbers.below(8),
            1 if at < bytes.len() => bytes[at] = u8::try_from(self.numbers.below(256)).unwrap(),
            2 => drop(bytes.drain(at..end.max(at))),
            3 => bytes.truncate(at),
            4 => {
                let copy = bytes[at..end.max(at)].to_vec();
                bytes.splice(at..at, copy);
            }
            5 => {
                let other = &self.seeds[self.numbers.below(self.seeds.len())];
                let from = self.numbers.below(other.len() + 1);
                let to = (from + self.numbers.below(400)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            6 => self.swap_lines(bytes),
            7 | 8 => self.replace_token(bytes, at),
            _ => {
                let word = WORDS[self.numbers.below(WORDS.len())];
                bytes.splice(at..at, word.bytes());
            }
        }
    }

    /// Lines of a journal, keys of a file.
    fn swap_lines(&mut self, bytes: &mut Vec<u8>) {
        let mut lines: Vec<Vec<u8>> =
            bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        if lines.is_empty() {
            return;
        }
        let (one, other) = (self.numbers.below(lines.len()), self.numbers.below(lines.len()));
        if self.numbers.below(2) == 0 {
            lines.swap(one, other);
        } else {
            let copy = lines[one].clone();
            lines.insert(other, copy);
        }
        *bytes = lines.concat();
    }

    /// A number, or what stands between quotes, becomes a word.
    fn replace_token(&mut self, bytes: &mut Vec<u8>, at: usize) {
        let part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:+/".contains(byte);
        let Some(start) = bytes[at..].iter().position(part).map(|place| at + place) else { return };
        let length = bytes[start..].iter().take_while(|byte| part(byte)).count();
        let word = WORDS[self.numbers.below(WORDS.len())];
        bytes.splice(start..start + length, word.bytes());
    }
}
