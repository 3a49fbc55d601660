//! Whether a head leaves in doubt where its body ends: it says a length beside chunks, or a length twice.
//! The library goes by one of the two and does not tell of the other, so that the bytes themselves are
//! looked at as they come in.
//!
//! Where a body ends is not known here. It need not be: the lines of a head have no empty one among them,
//! whatever stands before its first, so that they are always seen together.

/// The beginnings of the lines that say how long a body is. The library takes no space before the colon.
const LENGTH: &[u8] = b"content-length:";
const ENCODING: &[u8] = b"transfer-encoding:";

/// Looks at the lines of a connection.
#[derive(Debug, Default)]
pub(super) struct Framing {
    /// How the line at hand begins: so much of it that the two can be told apart.
    beginning: [u8; ENCODING.len()],
    kept: usize,
    /// What the lines since the last empty one have said.
    length: bool,
    encoding: bool,
}

impl Framing {
    /// Whether these bytes, behind those before them, complete a line that leaves it in doubt.
    pub(super) fn look_at(&mut self, bytes: &[u8]) -> bool {
        let mut doubt = false;
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.keep(part);
            if part.ends_with(b"\n") {
                doubt |= self.end_line();
            }
        }
        doubt
    }

    fn keep(&mut self, part: &[u8]) {
        for (place, byte) in self.beginning.iter_mut().skip(self.kept).zip(part) {
            *place = *byte;
        }
        self.kept = self.beginning.len().min(self.kept.saturating_add(part.len()));
    }

    fn end_line(&mut self) -> bool {
        let line = self.beginning.get(..self.kept).unwrap_or_default();
        self.kept = 0;
        if matches!(line, b"\n" | b"\r\n") {
            (self.length, self.encoding) = (false, false);
            return false;
        }
        let (length, encoding) = (begins(line, LENGTH), begins(line, ENCODING));
        let doubt = (self.length && (length || encoding)) || (self.encoding && length);
        self.length |= length;
        self.encoding |= encoding;
        doubt
    }
}

fn begins(line: &[u8], name: &[u8]) -> bool {
    line.get(..name.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether there is doubt after all of it, wherever it is cut in two.
    fn doubt(text: &str) -> bool {
        let whole = Framing::default().look_at(text.as_bytes());
        for cut in 0..text.len() {
            let (one, other) = text.as_bytes().split_at(cut);
            let mut framing = Framing::default();
            let parts = [framing.look_at(one), framing.look_at(other)];
            assert_eq!(parts.contains(&true), whole, "{text:?}, cut at {cut}");
        }
        whole
    }

    #[test]
    fn a_length_beside_chunks_or_beside_a_length_is_found() {
        for bad in [
            "POST / HTTP/1.1\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding:chunked\r\nx: y\r\nContent-Length:4\r\n\r\n",
            "POST / HTTP/1.1\ncontent-length: 4\ntransfer-encoding: x\n\n",
            "POST / HTTP/1.1\r\nCONTENT-LENGTH: 4\r\ncontent-length: 4\r\n\r\n",
            "\r\nPOST / HTTP/1.1\r\ntransfer-encoding:\r\ncontent-length:\r\n",
        ] {
            assert!(doubt(bad), "{bad}");
            let behind = format!("POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\n{{\n\n}}{bad}");
            assert!(doubt(&behind), "{behind}");
        }
    }

    #[test]
    fn heads_one_after_the_other_are_none_beside_each_other() {
        let (length, chunks) = (
            "POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        );
        for good in [
            [length, length].concat(),
            [length, chunks].concat(),
            [chunks, length, chunks, chunks].concat(),
            "POST / HTTP/1.1\r\nx: content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n".into(),
            "POST / HTTP/1.1\r\nx-content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n".into(),
            "POST / HTTP/1.1\r\ncontent-lengths: 2\r\ntransfer-encoding: chunked\r\n\r\n".into(),
        ] {
            assert!(!doubt(&good), "{good}");
        }
    }
}
