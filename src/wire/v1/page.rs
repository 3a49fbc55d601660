//! The two parameters of a plain list: where the page begins, and how long it is.

use std::str::FromStr;

use super::field::{Invalid, Read};

/// Reads `cursor` and `limit`; each may be given once, and there are no others.
pub fn parse<T: FromStr>(
    pairs: &[(String, String)],
    limit: u32,
    limit_max: u32,
) -> Read<(Option<T>, u32)> {
    let (mut cursor, mut given) = (None, None);
    for (name, value) in pairs {
        match name.as_str() {
            "cursor" if cursor.is_none() => {
                cursor = Some(value.parse().map_err(|_| parameter("not a cursor of this list"))?);
            }
            "limit" if given.is_none() => {
                let digits = value.bytes().all(|byte| byte.is_ascii_digit());
                let read = value.parse().ok().filter(|limit| (1..=limit_max).contains(limit));
                given = Some(read.filter(|_| digits).ok_or_else(|| {
                    parameter("limit is a whole number from 1 to the most a page may have")
                })?);
            }
            "cursor" | "limit" => return Err(parameter("a parameter is given more than once")),
            name if name.contains('[') => {
                return Err(Invalid::new("invalid_type", "parameters are plain texts"));
            }
            _ => return Err(parameter("there is no such parameter")),
        }
    }
    Ok((cursor, given.unwrap_or(limit)))
}

fn parameter(detail: &'static str) -> Invalid {
    Invalid::new("invalid_parameter", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &[(&str, &str)], expected: Option<(Option<i64>, u32)>) {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let pairs: Vec<_> = query.iter().map(own).collect();
        assert_eq!(parse(&pairs, 50, 200).ok(), expected, "{query:?}");
    }

    #[test]
    fn a_page_has_a_beginning_and_a_length() {
        check(&[], Some((None, 50)));
        check(&[("cursor", "7"), ("limit", "200")], Some((Some(7), 200)));
        for value in ["0", "-1", "+1", "201", "1e9", "abc", ""] {
            check(&[("limit", value)], None);
        }
        check(&[("limit", "1"), ("limit", "2")], None);
        check(&[("cursor", "x")], None);
        check(&[("sort", "__proto__")], None);
        let operator = [("limit[$ne]".to_owned(), "1".to_owned())];
        let refused = parse::<i64>(&operator, 50, 200).err().map(|fault| fault.code);
        assert_eq!(refused, Some("invalid_type"), "as in the other lists");
    }
}
