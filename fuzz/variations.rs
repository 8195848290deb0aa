//! Variations of the corpus: always the same ones, since chance must not decide whether a test passes.

/// An endless row of inputs, each made of one of the corpus by a few changes.
pub struct Variations<'a> {
    corpus: &'a [Vec<u8>],
    words: &'a [Vec<u8>],
    state: u64,
}

/// How many bytes a long input has; libFuzzer's are shorter.
const LONG: usize = 50_000;

/// Each word so often that it makes a long input, in front of one of the corpus.
pub fn long<'a>(corpus: &'a [Vec<u8>], words: &'a [Vec<u8>]) -> impl Iterator<Item = Vec<u8>> + 'a {
    let inputs = corpus.iter().cycle();
    words.iter().zip(inputs).map(|(word, input)| {
        let many = word.repeat(LONG / word.len().max(1));
        [many.as_slice(), input].concat()
    })
}

/// What parsers stumble over.
const PIECES: [&[u8]; 12] = [
    b"\0",
    b"\n",
    b"\r\n\r\n",
    b"\"",
    b"\\",
    b"{",
    b"}}",
    b"[[[[",
    b"\xFF\xFE",
    "\u{202E}".as_bytes(),
    b"-9223372036854775809",
    b"1e999",
];

impl<'a> Variations<'a> {
    pub fn of(corpus: &'a [Vec<u8>], words: &'a [Vec<u8>]) -> Self {
        Self {
            corpus,
            words,
            state: 1,
        }
    }

    /// A number below `end`, by SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
    /// generators").
    fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % end.max(1) as u64) as usize
    }

    fn piece(&mut self) -> Vec<u8> {
        let (corpus, words) = (self.corpus, self.words);
        match self.below(4) {
            0 => PIECES[self.below(PIECES.len())].to_vec(),
            1 => {
                let other = &corpus[self.below(corpus.len())];
                let at = self.below(other.len());
                let length = self.below(40);
                other[at..].iter().take(length).copied().collect()
            }
            _ if words.is_empty() => vec![self.below(256) as u8],
            _ => words[self.below(words.len())].clone(),
        }
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let length = self.below(16).min(input.len() - at);
        // Now and then so often that whoever reads each anew, or by a call of its own, is found out.
        if self.below(40) == 0 {
            let piece = self.piece();
            let long = piece.repeat(LONG / piece.len().max(1));
            drop(input.splice(at..at, long));
            return;
        }
        match self.below(5) {
            0 => input.truncate(at),
            1 => drop(input.drain(at..at + length)),
            2 => {
                let repeated = input[at..at + length].repeat(1 + self.below(20));
                drop(input.splice(at..at, repeated));
            }
            3 => drop(input.splice(at..at + length, self.piece())),
            _ => drop(input.splice(at..at, self.piece())),
        }
    }
}

impl Iterator for Variations<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut input = self.corpus[self.below(self.corpus.len())].clone();
        for _ in 0..=self.below(4) {
            self.change(&mut input);
        }
        Some(input)
    }
}
