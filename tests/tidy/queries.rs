//! No query is made of what a client sends: that is bound (SQL), or a value in a document (MongoDB).
//!
//! sqlx takes no text but a literal, unless it is told that the text is safe. The driver of MongoDB takes any
//! document: paths, patterns, programs and documents that are made of something else are looked for.

/// What a query can be made with, as it stands in a source without white space.
const MARKS: [&str; 15] = [
    "AssertSqlSafe",
    "QueryBuilder",
    "leak(",
    "copy_in_raw(",
    "copy_out_raw(",
    ".pragma(",
    "\"$\"",
    "format!(\"$",
    "format!(\"^",
    "$regex",
    "Regex",
    "$where",
    "$function",
    "$accumulator",
    "serialize_to_document(",
];

/// Where that is done, how often, and why it does no harm.
pub const PLACES: [(&str, &str, usize, &str); 9] = [
    ("store/postgres/money.rs", "AssertSqlSafe", 2, "an import; a constant, and ids as hex"),
    (
        "store/postgres/rights.rs",
        "AssertSqlSafe",
        2,
        "an import; our table of rights, names that the server quoted",
    ),
    ("store/sqlite/connect.rs", ".pragma(", 8, "literals and numbers"),
    ("store/mongodb/audit.rs", "format!(\"$", 4, "paths of fields named in the same function"),
    ("store/mongodb/sums.rs", "format!(\"$", 4, "paths of fields named in the same function"),
    ("store/mongodb/lists.rs", "$regex", 1, "with the prefix that follows"),
    ("store/mongodb/lists.rs", "format!(\"^", 1, "the prefix of a kind of id"),
    ("store/mongodb/policies.rs", "$regex", 1, "one of two literals"),
    ("store/mongodb/policies.rs", "serialize_to_document(", 1, "a limit or control, to be stored"),
];

/// What is wrong with a file; `name` is its path under `src/`.
pub fn complaints(name: &str, text: &str) -> Vec<String> {
    const ROOMS: [&str; 3] = ["store/", "broker/", "app/"];
    if !ROOMS.iter().any(|room| name.starts_with(room)) {
        return Vec::new();
    }
    let text: String = text.split_whitespace().collect();
    let complain = |mark: &&str| {
        let place = PLACES.iter().find(|(file, of, ..)| *file == name && of == mark);
        let (found, known) = (text.matches(mark).count(), place.map_or(0, |place| place.2));
        (found != known).then(|| {
            format!(
                "`{mark}` {found} times, {known} in tests/tidy/queries.rs: bind what is not ours"
            )
        })
    };
    MARKS.iter().filter_map(complain).collect()
}
