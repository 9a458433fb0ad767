//! Seeded damage to bytes: the same seed makes the same damage.

/// xorshift64*.
pub(crate) struct Seeded(u64);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// Flips, overwrites, removes, repeats or inserts at one to four places, or cuts the end off.
    pub(crate) fn damaged(&mut self, bytes: &[u8]) -> Vec<u8> {
        const NASTY: [&[u8]; 10] = [
            b"\"",
            b"{",
            b"[[[[",
            b"\\u0000",
            b"null",
            b"-9223372036854775809",
            b"\xff",
            b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
            b"\xfe\xff\xff\xff\x0f",
            b"1e999",
        ];
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            let end = (at + 1 + self.below(16)).min(bytes.len());
            match self.below(6) {
                0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
                1 if !bytes.is_empty() => bytes[at] = self.next() as u8,
                2 => drop(bytes.drain(at..end)),
                3 => bytes.extend_from_within(at..end),
                4 => drop(bytes.splice(at..at, NASTY[self.below(NASTY.len())].iter().copied())),
                _ if self.below(4) == 0 => bytes.truncate(at),
                _ => {}
            }
        }
        bytes
    }
}
