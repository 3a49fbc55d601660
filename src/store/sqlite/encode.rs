//! Many rows as the two arguments of a bulk statement: one JSON array of arrays, and beside it one
//! text from which the wide values are cut, so that SQLite need not parse those.

use std::fmt::{Display, Write};

use serde::Serialize;

/// Rows for `jsonb_each(?1)`, with wide values for `substr(?2, …)`.
#[derive(Default)]
pub(super) struct Rows {
    narrow: String,
    wide: Vec<u8>,
}

/// One row, its columns in the order of the statement.
pub(super) struct Row<'a> {
    rows: &'a mut Rows,
    first: bool,
}

impl Rows {
    /// Encodes each item as one row.
    pub(super) fn of<T>(
        items: impl IntoIterator<Item = T>,
        mut encode: impl FnMut(Row<'_>, T),
    ) -> Self {
        let mut rows = Self::default();
        rows.narrow.push('[');
        let mut separator = "[";
        for item in items {
            rows.narrow.push_str(separator);
            separator = ",[";
            encode(Row { rows: &mut rows, first: true }, item);
            rows.narrow.push(']');
        }
        rows.narrow.push(']');
        rows
    }

    /// The array, and the text beside it.
    pub(super) fn into_arguments(self) -> (String, Vec<u8>) {
        (self.narrow, self.wide)
    }

    /// The array alone.
    pub(super) fn into_array(self) -> String {
        self.narrow
    }
}

impl Row<'_> {
    /// A text that needs no escapes: an id, a token, a word of ours.
    pub(super) fn plain(&mut self, value: impl Display) -> &mut Self {
        self.column(format_args!("\"{value}\""))
    }

    /// Such a text, or null.
    pub(super) fn maybe_plain(&mut self, value: Option<impl Display>) -> &mut Self {
        match value {
            Some(value) => self.plain(value),
            None => self.column("null"),
        }
    }

    /// A text that came from outside.
    pub(super) fn text(&mut self, value: &str) -> &mut Self {
        self.column(JsonText(value))
    }

    /// A number.
    pub(super) fn number(&mut self, value: impl Into<i64>) -> &mut Self {
        self.column(value.into())
    }

    /// A number, or null.
    pub(super) fn maybe_number(&mut self, value: Option<i64>) -> &mut Self {
        match value {
            Some(value) => self.number(value),
            None => self.column("null"),
        }
    }

    /// A wide value as JSON: two columns, where it begins in the text beside and how long it is.
    pub(super) fn wide(&mut self, value: &impl Serialize) -> &mut Self {
        let start = self.rows.wide.len();
        serde_json::to_writer(&mut self.rows.wide, value)
            .expect("a value of the domain has no map keys that are not texts");
        let length = self.rows.wide.len() - start;
        self.column(start + 1).column(length)
    }

    /// A small value as a text of JSON, or null.
    pub(super) fn json(&mut self, value: Option<&impl Serialize>) -> &mut Self {
        let text = value.map(|value| serde_json::to_string(value).unwrap_or_default());
        match text {
            Some(text) => self.text(&text),
            None => self.column("null"),
        }
    }

    fn column(&mut self, value: impl Display) -> &mut Self {
        let separator = if self.first { "" } else { "," };
        self.first = false;
        write!(self.rows.narrow, "{separator}{value}").expect("a string takes everything");
        self
    }
}

/// Displays as a JSON string.
struct JsonText<'a>(&'a str);

impl Display for JsonText<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = serde_json::to_string(self.0).map_err(|_| std::fmt::Error)?;
        f.write_str(&text)
    }
}

/// A JSON array of texts that need no escapes: keys to look up.
pub(super) fn keys(values: impl IntoIterator<Item = impl Display>) -> String {
    let mut array = String::from("[");
    let mut separator = "";
    for value in values {
        write!(array, "{separator}\"{value}\"").expect("a string takes everything");
        separator = ",";
    }
    array.push(']');
    array
}

/// A JSON array of texts that came from outside.
pub(super) fn foreign_keys<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    keys_of(values.into_iter().map(JsonText))
}

fn keys_of<'a>(values: impl Iterator<Item = JsonText<'a>>) -> String {
    let texts: Vec<String> = values.map(|text| text.to_string()).collect();
    format!("[{}]", texts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_arrays_and_wide_values_lie_beside_them() {
        let rows = Rows::of([("a", 1), ("quote\" \\ \u{1}é", -2)], |mut row, (text, number)| {
            row.plain("id").text(text).number(number).maybe_plain(None::<&str>).wide(&text);
        });
        let (narrow, wide) = rows.into_arguments();
        let narrow: serde_json::Value = serde_json::from_str(&narrow).unwrap();
        let first = wide[..3].to_vec();
        assert_eq!(narrow[0], serde_json::json!(["id", "a", 1, null, 1, 3]));
        assert_eq!(first, b"\"a\"");
        assert_eq!(narrow[1][1], "quote\" \\ \u{1}é");
        let (start, length) = (narrow[1][4].as_u64().unwrap(), narrow[1][5].as_u64().unwrap());
        assert_eq!(start, 4, "columns of SQL count from 1");
        assert_eq!(usize::try_from(start + length).unwrap() - 1, wide.len());
    }

    #[test]
    fn no_rows_are_an_empty_array() {
        assert_eq!(Rows::of([0; 0], |_, _| {}).into_array(), "[]");
        assert_eq!(keys(["a", "b"]), r#"["a","b"]"#);
        assert_eq!(foreign_keys(["a\"b"]), r#"["a\"b"]"#);
    }
}
