//! Where the header blocks of HTTP/2 begin and end.
//!
//! Between the first frame of a header block and its last nothing else may come on the connection (RFC 9113 section 4.3),
//! so who is slow in one keeps every stream of it waiting. h2 has no deadline for that; so frames are looked at on their
//! way to it. What is read here decides nothing but when that deadline runs.

/// What a client says first (RFC 9113 section 3.4).
const PREFACE: usize = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
/// A frame's header (RFC 9113 section 4.1).
const HEADER: usize = 9;
const HEADERS: u8 = 0x1;
const CONTINUATION: u8 = 0x9;
const END_HEADERS: u8 = 0x4;

/// Looks at the octets of one connection, as they come.
#[derive(Debug)]
pub(super) struct Frames {
    /// The octets of the preface, or of the frame's payload, that are still to come.
    passing: usize,
    header: [u8; HEADER],
    /// How much of `header` has come.
    known: usize,
    /// Whether the header block ends with the frame that is being read.
    ends: bool,
    open: bool,
    opened: u64,
}

impl Frames {
    /// A connection on which nothing was said yet.
    pub(super) fn new() -> Self {
        Self { passing: PREFACE, header: [0; HEADER], known: 0, ends: false, open: false, opened: 0 }
    }

    /// Takes more octets.
    pub(super) fn read(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() {
            if self.passing > 0 {
                let here = self.passing.min(octets.len());
                self.passing -= here;
                octets = &octets[here..];
            } else {
                let here = (HEADER - self.known).min(octets.len());
                self.header[self.known..self.known + here].copy_from_slice(&octets[..here]);
                self.known += here;
                octets = &octets[here..];
                if self.known == HEADER {
                    self.known = 0;
                    self.begin();
                }
            }
            if self.passing == 0 && self.ends {
                (self.ends, self.open) = (false, false);
            }
        }
    }

    /// Which header block is being read: the number of it, if one is.
    pub(super) fn block(&self) -> Option<u64> {
        self.open.then_some(self.opened)
    }

    /// How many header blocks have begun.
    pub(super) fn begun(&self) -> u64 {
        self.opened
    }

    fn begin(&mut self) {
        let [first, second, third, kind, flags, ..] = self.header;
        self.passing = usize::from(first) << 16 | usize::from(second) << 8 | usize::from(third);
        if kind == HEADERS && !self.open {
            self.open = true;
            self.opened += 1;
        }
        self.ends = self.open && matches!(kind, HEADERS | CONTINUATION) && flags & END_HEADERS != 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: u8, kind: u8, flags: u8) -> Vec<u8> {
        let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, 1];
        frame.extend(vec![HEADERS; usize::from(length)]);
        frame
    }

    #[test]
    fn a_header_block_is_open_from_its_first_octet_to_its_last() {
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        let whole = |frames: &[Vec<u8>]| frames.concat();
        let (settings, data) = (frame(12, 0x4, 0), frame(7, 0x0, 0x1));
        for (octets, block, begun) in [
            (vec![], None, 0),
            (settings.clone(), None, 0),
            (frame(10, HEADERS, END_HEADERS), None, 1),
            (frame(10, HEADERS, END_HEADERS)[..18].to_vec(), Some(1), 1),
            (frame(10, HEADERS, END_HEADERS)[..9].to_vec(), Some(1), 1),
            (frame(10, HEADERS, END_HEADERS)[..8].to_vec(), None, 0),
            (frame(10, HEADERS, 0x1), Some(1), 1),
            (whole(&[frame(10, HEADERS, 0), frame(0, CONTINUATION, 0)]), Some(1), 1),
            (whole(&[frame(10, HEADERS, 0), frame(5, CONTINUATION, 0), frame(0, CONTINUATION, END_HEADERS)]), None, 1),
            (whole(&[settings, frame(3, HEADERS, END_HEADERS), data.clone(), frame(3, HEADERS, 0)]), Some(2), 2),
            (whole(&[frame(0, HEADERS, END_HEADERS), data]), None, 1),
        ] {
            let octets = whole(&[preface.clone(), octets]);
            for piece in [1, 5, octets.len()] {
                let mut frames = Frames::new();
                for octets in octets.chunks(piece) {
                    frames.read(octets);
                }
                assert_eq!((frames.block(), frames.begun()), (block, begun), "{octets:?} by {piece}");
            }
        }
    }
}
