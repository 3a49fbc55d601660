//! As much of Markdown as our own pages use: headings, paragraphs, lists, `code`, **bold**, links. What
//! is not ours never comes here, and is escaped all the same.

/// The text as HTML.
pub(super) fn html(text: &str) -> String {
    text.replace("\r\n", "\n").split("\n\n").map(block).collect()
}

fn block(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    if let Some(title) = text.strip_prefix("## ") {
        return format!("<h2>{}</h2>\n", inline(title));
    }
    if let Some(title) = text.strip_prefix("# ") {
        return format!("<h1>{}</h1>\n", inline(title));
    }
    if let Some(items) = text.strip_prefix("- ") {
        let items = items.split("\n- ").map(|item| format!("<li>{}</li>\n", inline(item)));
        return format!("<ul>\n{}</ul>\n", items.collect::<String>());
    }
    format!("<p>{}</p>\n", inline(text))
}

/// What stands inside of a paragraph.
pub(super) fn inline(text: &str) -> String {
    let mut html = String::new();
    for (at, part) in text.split('`').enumerate() {
        match at % 2 {
            0 => html.push_str(&links(&bold(&escaped(part)))),
            _ => html.push_str(&format!("<code>{}</code>", escaped(part))),
        }
    }
    // A link whose text is code was taken apart: `[<code>x</code>](x.md)`.
    links(&html)
}

fn bold(html: &str) -> String {
    let parts = html.split("**").enumerate();
    parts
        .map(|(at, part)| if at % 2 == 1 { format!("<b>{part}</b>") } else { part.into() })
        .collect()
}

/// `[text](target)`; pages of codes are named by their files in the source.
fn links(html: &str) -> String {
    let Some((before, rest)) = html.split_once('[') else { return html.to_owned() };
    let Some((text, rest)) = rest.split_once("](") else { return html.to_owned() };
    let Some((target, after)) = rest.split_once(')') else { return html.to_owned() };
    let target =
        target.strip_suffix(".md").map_or(target.to_owned(), |code| format!("/docs/errors/{code}"));
    format!("{before}<a href=\"{target}\">{text}</a>{}", links(after))
}

/// The text without anything that HTML would take for its own.
pub(super) fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_pages_are_understood() {
        assert_eq!(
            html("# `late`\n\nToo **late**,\nby far."),
            "<h1><code>late</code></h1>\n<p>Too <b>late</b>,\nby far.</p>\n"
        );
        let list = html("- [`a`](a.md)\n- b & c");
        let item = "<li><a href=\"/docs/errors/a\"><code>a</code></a></li>";
        assert_eq!(list, format!("<ul>\n{item}\n<li>b &amp; c</li>\n</ul>\n"));
        assert_eq!(html("<script>"), "<p>&lt;script&gt;</p>\n");
    }
}
