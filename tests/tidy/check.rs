//! Holds one file to the row of its room.

use super::paths::{Named, own_modules, paths};
use super::rooms::{ADAPTERS, GOVERNED, IMPURE, Row, row};

/// What is wrong with a file; `name` is its path under `src/`.
pub fn complaints(name: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if !text.starts_with("//!") {
        found.push("does not open with a `//!` sentence".to_owned());
    }
    let module = module_of(name);
    let is_test = module.iter().any(|part| part == "tests");
    let Some(room) = module.first().filter(|_| !is_test) else { return found };
    let Some(row) = row(room) else {
        found.push(format!("`{room}` is not a room: add a row to the table, or move the file"));
        return found;
    };
    let (named, is_async) = paths(text);
    if row.sync && is_async {
        found.push(format!("`{room}` knows no async"));
    }
    let own = own_names(text, &named);
    for path in &named {
        found.extend(complain(row, &module, &own, path));
    }
    found.dedup();
    found
}

/// `a/b.rs` and `a/b/mod.rs` are `a::b`; the files at the top belong to no room.
fn module_of(name: &str) -> Vec<String> {
    let Some((folder, file)) = name.rsplit_once('/') else { return Vec::new() };
    let mut module: Vec<String> = folder.split('/').map(str::to_owned).collect();
    let file = file.trim_end_matches(".rs");
    if file != "mod" {
        module.push(file.to_owned());
    }
    module
}

/// Names in the file that stand for something of ours, and so shadow a crate.
fn own_names(text: &str, named: &[Named]) -> Vec<String> {
    let ours = |path: &&Named| {
        path.imported && matches!(path.segments[0].as_str(), "crate" | "super" | "self")
    };
    let imported = named.iter().filter(ours).filter_map(|path| path.segments.last().cloned());
    own_modules(text).into_iter().chain(imported).collect()
}

fn complain(row: &Row, module: &[String], own: &[String], path: &Named) -> Option<String> {
    let text = path.segments.join("::");
    match absolute(module, &path.segments) {
        Some(target) => complain_of_room(row, module, path, &target),
        None => complain_of_crate(row, module, own, path),
    }
    .map(|sentence| format!("`{text}`: {sentence}"))
}

/// Where a path of ours leads, from the crate's root; `None`: into another crate, or stays close.
fn absolute(module: &[String], segments: &[String]) -> Option<Vec<String>> {
    let supers = segments.iter().take_while(|segment| *segment == "super").count();
    if segments[0] == "crate" {
        return Some(segments[1..].to_vec());
    }
    if supers == 0 || supers > module.len() {
        return None;
    }
    let base = &module[..module.len() - supers];
    Some(base.iter().chain(&segments[supers..]).cloned().collect())
}

fn complain_of_room(
    row: &Row,
    module: &[String],
    path: &Named,
    target: &[String],
) -> Option<String> {
    let room = target.first()?;
    let foreign = room != row.room;
    if foreign && !row.rooms.contains(&room.as_str()) {
        return Some(format!("`{}` may not import `{room}`", row.room));
    }
    if foreign && path.reexported {
        return Some("`pub use` across rooms hides a dependency".to_owned());
    }
    let adapter = ADAPTERS
        .iter()
        .find(|(room, name)| target.len() > 1 && target[0] == *room && target[1] == *name)?;
    let inside = module.len() > 1 && module[0] == adapter.0 && module[1] == adapter.1;
    let declared = module.len() == 1 && module[0] == adapter.0;
    let free = inside || declared || row.room == "app";
    (!free).then(|| "only `app` names an adapter".to_owned())
}

fn complain_of_crate(row: &Row, module: &[String], own: &[String], path: &Named) -> Option<String> {
    let text = path.segments.join("::");
    let begins = |what: &&&str| text == **what || text.starts_with(&format!("{what}::"));
    if row.pure && IMPURE.iter().find(begins).is_some() {
        return Some(format!("`{}` is pure: no clock, files, network, environment", row.room));
    }
    let name = path.segments[0].as_str();
    let shadowed = own.iter().any(|own| own == name);
    if shadowed || !GOVERNED.contains(&name) || row.crates.contains(&name) {
        return None;
    }
    let in_adapter =
        module.len() > 1 && ADAPTERS.contains(&(module[0].as_str(), module[1].as_str()));
    if in_adapter && row.adapter_crates.contains(&name) {
        return None;
    }
    Some(format!("`{}` may not use the crate `{name}`", row.room))
}
