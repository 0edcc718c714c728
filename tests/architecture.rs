//! The rooms of `src/lib.rs` hold: data and `use` lines flow one way, nothing panics by choice,
//! files stay readable, names say what they mean.

use std::path::{Path, PathBuf};

/// The rooms from left to right; rooms of one row do not use each other.
const ROWS: &[&[&str]] = &[
    &["read"],
    &["signal"],
    &["data"],
    &["model"],
    &["train"],
    &["score"],
    &["forecast", "detect"],
    &["plot"],
    &["cli"],
];

/// Open to every room, and using none of them.
const FREE: &[&str] = &["time", "error", "progress", "output"];

/// What `synth` may use, besides the free ones; only `cli` may use it.
const SYNTH_USES: &[&str] = &["read"];

/// The one file with foreign code to call.
const UNSAFE_FILE: &str = "src/model/device.rs";

/// The program with networks, beside `src/main.rs`.
const PROGRAM: &str = "src/bin/temblor-networks.rs";

const FORBIDDEN_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc"];

const MOST_LINES: usize = 800;

/// One source file without its tests and comments.
struct Source {
    /// Path from the repository root, with `/`.
    path: String,
    /// Number of lines, all counted.
    lines: usize,
    /// (line number, code) of everything that ships.
    code: Vec<(usize, String)>,
}

impl Source {
    fn read(root: &Path, file: &Path) -> Self {
        let text = std::fs::read_to_string(file).expect("source files are text");
        let path = file.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
        Self { path: path.replace('\\', "/"), lines: text.lines().count(), code: shipped(&text) }
    }

    /// `signal` for `src/signal/filter.rs` and `src/signal.rs`.
    fn room(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        Some(inside.split('/').next()?.trim_end_matches(".rs"))
    }
}

/// The lines that are neither comment nor test: an item under `#[cfg(test)]` is left out up to the
/// line that closes it (rustfmt puts that brace in the column of the attribute).
fn shipped(text: &str) -> Vec<(usize, String)> {
    let mut kept = Vec::new();
    let mut closing: Option<String> = None;
    let mut lines = text.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        if let Some(end) = &closing {
            if line == end {
                closing = None;
            }
            continue;
        }
        let trimmed = line.trim_start();
        if trimmed.starts_with("#[cfg(test)]") {
            let indent = &line[..line.len() - trimmed.len()];
            while lines.peek().is_some_and(|(_, next)| next.trim_start().starts_with("#[")) {
                lines.next();
            }
            let item = lines.next().map_or("", |(_, item)| item);
            if !item.trim_end().ends_with([';', '}']) {
                closing = Some(format!("{indent}}}"));
            }
            continue;
        }
        if !trimmed.starts_with("//") {
            kept.push((number + 1, line.split(" // ").next().unwrap_or_default().to_string()));
        }
    }
    kept
}

fn rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is readable")
        .map(|entry| entry.expect("the entry is readable").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// Every source file under the given folders, except those that are tests as a whole.
fn sources(folders: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in folders {
        rust_files(&root.join(folder), &mut files);
    }
    files
        .iter()
        .filter(|file| !file.components().any(|c| c.as_os_str() == "tests"))
        .filter(|file| file.file_name().is_none_or(|name| name != "tests.rs"))
        .map(|file| Source::read(root, file))
        .collect()
}

/// The rooms a line names: `crate::signal::…`, and the groups of `use crate::{read::…, time::…}`.
fn rooms_named(code: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut name = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => rooms.push(std::mem::take(&mut name)),
                    _ if depth == 0 => name.push(c),
                    _ => {}
                }
            }
            rooms.push(name);
        } else {
            rooms.push(rest.to_string());
        }
    }
    rooms
        .iter()
        .map(|path| path.trim().split(|c: char| !(c.is_alphanumeric() || c == '_')).next())
        .map(|name| name.unwrap_or_default().to_string())
        .collect()
}

/// Why `room` must not use `used`, if so.
fn wrong_arrow(room: &str, used: &str) -> Option<String> {
    let row = |name: &str| ROWS.iter().position(|row| row.contains(&name));
    if room == used || FREE.contains(&used) {
        return None;
    }
    if FREE.contains(&room) {
        let is_room = row(used).is_some() || used == "synth";
        return is_room.then(|| format!("{room} is free for all and may use no room"));
    }
    if used == "synth" {
        return (room != "cli").then(|| "only cli may use synth".to_string());
    }
    let to = row(used)?;
    if room == "synth" {
        let allowed = SYNTH_USES.contains(&used);
        return (!allowed).then(|| format!("synth may use {SYNTH_USES:?} only"));
    }
    let from = row(room)?;
    (from <= to).then(|| format!("{room} lies left of {used}"))
}

fn assert_none(faults: Vec<String>, what: &str) {
    assert!(faults.is_empty(), "{what}:\n{}", faults.join("\n"));
}

#[test]
fn arrows_point_left() {
    let mut faults = Vec::new();
    for source in sources(&["src"]) {
        let Some(room) = source.room() else { continue };
        // A `use` may run over several lines: join up to the semicolon.
        let mut statement = String::new();
        for (number, code) in &source.code {
            statement.push_str(code);
            let open = code.contains("crate::{") || statement.trim_start().starts_with("use ");
            if open && !statement.contains(';') {
                statement.push(' ');
                continue;
            }
            for used in rooms_named(&statement) {
                if let Some(why) = wrong_arrow(room, &used) {
                    faults.push(format!("{}:{number}: {why}", source.path));
                }
            }
            statement.clear();
        }
    }
    assert_none(faults, "a room uses a room to its right");
}

#[test]
fn every_room_is_on_the_map() {
    let known = |name: &str| {
        FREE.contains(&name) || ROWS.iter().any(|row| row.contains(&name)) || name == "synth"
    };
    let unknown = sources(&["src"])
        .iter()
        .filter(|source| !matches!(source.path.as_str(), "src/lib.rs" | "src/main.rs" | PROGRAM))
        .filter(|source| !source.room().is_some_and(known))
        .map(|source| source.path.clone())
        .collect();
    assert_none(unknown, "files outside the rooms of src/lib.rs");
}

#[test]
fn foreign_code_is_called_in_one_place() {
    let word = |code: &str| {
        code.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|w| w == "unsafe")
    };
    let mut faults = Vec::new();
    let sources = sources(&["src", "crates"]);
    for source in sources.iter().filter(|source| source.path != UNSAFE_FILE) {
        for (number, code) in &source.code {
            if word(code) {
                faults.push(format!("{}:{number}: {}", source.path, code.trim()));
            }
        }
    }
    assert_none(faults, "unsafe code outside its one place");
    let place = sources.iter().find(|s| s.path == UNSAFE_FILE).expect("the one place exists");
    assert_eq!(place.code.iter().filter(|(_, code)| word(code)).count(), 1);
}

#[test]
fn nothing_panics_by_choice() {
    let mut faults = Vec::new();
    for source in sources(&["src", "crates"]) {
        for (number, code) in &source.code {
            for call in [".unwrap()", "panic!(", "todo!(", "unimplemented!("] {
                if code.contains(call) {
                    faults.push(format!("{}:{number}: {}", source.path, code.trim()));
                }
            }
        }
    }
    assert_none(faults, "a panic outside tests; return an error, or `expect` with its proof");
}

#[test]
fn files_fit_one_idea() {
    let long = sources(&["src", "crates"])
        .iter()
        .filter(|source| source.lines > MOST_LINES)
        .map(|source| format!("{}: {} lines, at most {MOST_LINES}", source.path, source.lines))
        .collect();
    assert_none(long, "long files; split along the idea");
}

#[test]
fn modules_are_named_for_what_they_do() {
    let vague = sources(&["src", "crates"])
        .iter()
        .filter(|source| {
            source
                .path
                .split('/')
                .any(|part| FORBIDDEN_NAMES.contains(&part.trim_end_matches(".rs")))
        })
        .map(|source| source.path.clone())
        .collect();
    assert_none(vague, "names that say nothing");
}

/// The test's own eyes: it sees what it must see.
#[test]
fn the_reader_of_use_lines_sees_every_form() {
    assert_eq!(rooms_named("use crate::signal::filter;"), ["signal"]);
    assert_eq!(rooms_named("let x = crate::plot::draw(crate::time::now());"), ["plot", "time"]);
    assert_eq!(rooms_named("use crate::{read::{A, B}, time::C, plot};"), ["read", "time", "plot"]);
    assert!(wrong_arrow("read", "cli").is_some() && wrong_arrow("forecast", "detect").is_some());
    assert!(wrong_arrow("cli", "read").is_none() && wrong_arrow("read", "time").is_none());
    assert!(wrong_arrow("time", "read").is_some() && wrong_arrow("train", "synth").is_some());
    let text =
        "fn a() {}\n#[cfg(test)]\nmod tests {\n    x.unwrap();\n}\nfn b() {}\n// c.unwrap()\n";
    assert_eq!(shipped(text), [(1, "fn a() {}".to_string()), (6, "fn b() {}".to_string())]);
}
