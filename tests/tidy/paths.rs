//! Reads the paths that a source file names, without comments, strings and test items.

/// One path, and whether it is re-exported by a `pub use`.
#[derive(Debug, PartialEq, Eq)]
pub struct Named {
    pub segments: Vec<String>,
    pub reexported: bool,
    pub imported: bool,
}

/// A word, or one character of punctuation.
pub type Words = Vec<String>;

/// Every path of two or more segments, and every imported name; and whether `async` appears.
pub fn paths(text: &str) -> (Vec<Named>, bool) {
    let words = code(text);
    let is_async = words.iter().any(|word| word == "async" || word == "await");
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if words[at] == "use" {
            let reexported = at > 0 && (words[at - 1] == "pub" || words[at - 1] == ")");
            at = tree(&words, at + 1, &[], reexported, &mut found);
        } else if is_name(&words[at]) && !follows_path(&words, at) {
            at = plain(&words, at, &mut found);
        } else {
            at += 1;
        }
    }
    (found, is_async)
}

/// The words of a file, without comments, strings and test items.
pub fn code(text: &str) -> Words {
    without_tests(&words(text))
}

/// The modules that the file declares itself.
pub fn own_modules(text: &str) -> Vec<String> {
    let words = words(text);
    words.windows(2).filter(|pair| pair[0] == "mod").map(|pair| pair[1].clone()).collect()
}

fn is_name(word: &str) -> bool {
    word.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
}

fn follows_path(words: &[String], at: usize) -> bool {
    at >= 3 && words[at - 1] == ":" && words[at - 2] == ":" && is_name(&words[at - 3])
}

fn colons(words: &[String], at: usize) -> bool {
    words.get(at).is_some_and(|w| w == ":") && words.get(at + 1).is_some_and(|w| w == ":")
}

fn plain(words: &[String], mut at: usize, found: &mut Vec<Named>) -> usize {
    let mut segments = vec![words[at].clone()];
    at += 1;
    while colons(words, at) && words.get(at + 2).is_some_and(|word| is_name(word)) {
        segments.push(words[at + 2].clone());
        at += 3;
    }
    if segments.len() > 1 {
        found.push(Named { segments, reexported: false, imported: false });
    }
    at
}

/// One tree of a `use`: `a::b`, `a::{b, c::d}`, `a as b`, `a::*`.
fn tree(
    words: &[String],
    mut at: usize,
    prefix: &[String],
    reexported: bool,
    found: &mut Vec<Named>,
) -> usize {
    let mut segments = prefix.to_vec();
    while at < words.len() {
        let word = words[at].as_str();
        match word {
            ":" => at += 1,
            "{" => {
                at += 1;
                while at < words.len() && words[at] != "}" {
                    at = tree(words, at, &segments, reexported, found);
                    if words.get(at).is_some_and(|word| word == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "as" => at += 2,
            "," | ";" | "}" => break,
            _ => {
                segments.push(word.to_owned());
                at += 1;
            }
        }
    }
    found.push(Named { segments, reexported, imported: true });
    at
}

/// Leaves out every item under `#[cfg(test)]`.
fn without_tests(words: &[String]) -> Words {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let marked = words[at..].iter().zip(MARK).filter(|(word, mark)| *word == mark).count();
        if marked == MARK.len() {
            at = after_item(words, at + MARK.len());
        } else {
            kept.push(words[at].clone());
            at += 1;
        }
    }
    kept
}

/// Where the item that begins here has ended: at its `;`, or at the end of its first block.
fn after_item(words: &[String], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while at < words.len() {
        match words[at].as_str() {
            ";" if depth == 0 => return at + 1,
            "{" => depth += 1,
            "}" if depth <= 1 => return at + 1,
            "}" => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    at
}

fn words(text: &str) -> Words {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = if c.is_whitespace() {
            c.len_utf8()
        } else if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = raw_string(rest) {
            length
        } else if c == '"' {
            string(rest)
        } else if c == '\'' {
            quote(rest)
        } else {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            let length = length.unwrap_or(rest.len()).max(c.len_utf8());
            words.push(rest[..length].to_owned());
            length
        };
        rest = &rest[taken..];
    }
    words
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// The length of a raw string that begins here (`r"…"`, `br#"…"#`), if one does.
fn raw_string(text: &str) -> Option<usize> {
    let start = if text.starts_with("br") { 2 } else { 1 };
    let after = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = body.find(&end)?;
    Some(start + hashes + 1 + length + end.len())
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// A character, or the mark of a lifetime.
fn quote(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), _) => text[2..]
            .find('\'')
            .map_or(text.len(), |at| if text[2..].starts_with('\'') { 4 } else { at + 3 }),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}
