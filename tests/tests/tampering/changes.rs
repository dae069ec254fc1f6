//! One octet of a message changed, in each of five ways, at places that are the same in every run.

/// How an octet is changed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Change {
    /// The lowest bit flipped: another character, mostly of the same kind.
    LowBit,
    /// The bit flipped that makes capitals of small letters.
    CaseBit,
    /// The next character of its class: a digit for a digit, a letter for a letter, a blank for a blank.
    Sibling,
    /// Taken out.
    Delete,
    /// There twice.
    Duplicate,
}

impl Change {
    pub(crate) const ALL: [Self; 5] = [Self::LowBit, Self::CaseBit, Self::Sibling, Self::Delete, Self::Duplicate];

    /// The message with that octet changed; `None` where it would be the same.
    pub(crate) fn of(self, message: &[u8], at: usize) -> Option<Vec<u8>> {
        let mut changed = message.to_vec();
        match self {
            Self::LowBit => changed[at] ^= 0x01,
            Self::CaseBit => changed[at] ^= 0x20,
            Self::Sibling => changed[at] = sibling(changed[at])?,
            Self::Delete => drop(changed.remove(at)),
            Self::Duplicate => changed.insert(at, message[at]),
        }
        Some(changed)
    }
}

fn sibling(octet: u8) -> Option<u8> {
    let next = |first: u8, last: u8| if octet == last { first } else { octet + 1 };
    Some(match octet {
        b'0'..=b'9' => next(b'0', b'9'),
        b'A'..=b'Z' => next(b'A', b'Z'),
        b'a'..=b'z' => next(b'a', b'z'),
        b'+' => b'/',
        b'/' => b'+',
        b' ' => b'\n',
        b'\n' => b' ',
        b'"' => b'\'',
        b'\'' => b'"',
        _ => return None,
    })
}

/// Numbers that are the same in every run: Knuth's generator, seeded by a name.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn of(name: &str) -> Self {
        Self(
            name.bytes().fold(0xcbf2_9ce4_8422_2325, |state, octet| {
                (state ^ u64::from(octet)).wrapping_mul(0x0000_0100_0000_01b3)
            }),
        )
    }

    /// A number below `below`.
    pub(crate) fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % below.max(1)
    }
}

/// Which changes are made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sample {
    /// All of them.
    All,
    /// So many of each message: half of them spread evenly over it, half of them anywhere outside ciphertext.
    Of(usize),
}

impl Sample {
    /// The changes of one message, and where.
    pub(crate) fn changes(self, message: &[u8], dice: &mut Dice) -> Vec<(usize, Change)> {
        match self {
            Self::All => (0..message.len()).flat_map(|at| Change::ALL.map(|change| (at, change))).collect(),
            Self::Of(count) => {
                let stride = (message.len() / count.div_ceil(2)).max(1);
                let markup = outside_ciphertext(message);
                let even: Vec<_> = (dice.roll(stride)..message.len()).step_by(stride).collect();
                let anywhere: Vec<_> = (0..count / 2).map(|_| markup[dice.roll(markup.len())]).collect();
                let places = even.into_iter().chain(anywhere);
                places.map(|at| (at, Change::ALL[dice.roll(Change::ALL.len())])).collect()
            }
        }
    }
}

/// The octets that are not within a long run of letters, digits and the like: markup, names, instants.
fn outside_ciphertext(message: &[u8]) -> Vec<usize> {
    const LONG: usize = 200;
    let mut places = Vec::new();
    let mut from = 0;
    for run in message.split_inclusive(|octet| matches!(octet, b'<' | b'>')) {
        if run.len() < LONG || run.contains(&b' ') {
            places.extend(from..from + run.len());
        }
        from += run.len();
    }
    if places.is_empty() { (0..message.len()).collect() } else { places }
}
