//! Which mark parts the fields, and where the table starts.

/// How the fields of a line are parted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// One character.
    Mark(char),
    /// Runs of blanks.
    Blanks,
}

/// Fields of one line, quotes removed; a quoted line break is not supported by loggers and not here.
pub fn split(line: &str, delimiter: Delimiter) -> Vec<String> {
    let Delimiter::Mark(mark) = delimiter else {
        return line.split_whitespace().map(str::to_string).collect();
    };
    let mut fields = Vec::new();
    let (mut field, mut quoted, mut chars) = (String::new(), false, line.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                field.push('"');
                chars.next();
            }
            '"' if quoted || field.trim().is_empty() => quoted = !quoted,
            c if c == mark && !quoted => fields.push(std::mem::take(&mut field).trim().to_string()),
            c => field.push(c),
        }
    }
    fields.push(field.trim().to_string());
    fields
}

/// Whether a line is a comment.
pub fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('#') || line.starts_with('%') || line.starts_with("//")
}

/// How many fields [`split`] finds at most.
pub fn count_fields(line: &str, delimiter: Delimiter) -> usize {
    match delimiter {
        Delimiter::Mark(mark) => line.matches(mark).count() + 1,
        Delimiter::Blanks => line.split_whitespace().count(),
    }
}

/// Bytes that decide about the delimiter; a longer first line is looked at so far.
const SAMPLE_BYTES: usize = 64 << 10;

/// The delimiter with the most frequent constant count of fields above one; ties in the order
/// `;`, tab, `,`, `|`, blanks.
pub fn detect(lines: &[&str]) -> Delimiter {
    let mut left = SAMPLE_BYTES;
    let mut sample: Vec<&str> = Vec::new();
    for line in lines.iter().filter(|l| !is_comment(l) && !l.trim().is_empty()).take(500) {
        if line.len() > left {
            if sample.is_empty() {
                sample.push(&line[..line.floor_char_boundary(left)]);
            }
            break;
        }
        left -= line.len();
        sample.push(line);
    }
    let mut best = (0, Delimiter::Mark(','));
    let marks = [';', '\t', ',', '|'].map(Delimiter::Mark);
    for delimiter in marks.into_iter().chain([Delimiter::Blanks]) {
        let mut counts = std::collections::HashMap::new();
        for line in &sample {
            let n = split(line, delimiter).len();
            if n > 1 {
                *counts.entry(n).or_insert(0usize) += 1;
            }
        }
        let most = counts.values().copied().max().unwrap_or(0);
        if most > best.0 {
            best = (most, delimiter);
        }
    }
    best.1
}

/// Whether cells write a decimal comma: nine in ten of the numeric-looking ones fit it and at
/// least one has it.
pub fn decimal_comma<'a>(cells: impl Iterator<Item = &'a str>) -> bool {
    let (mut comma, mut plain, mut other) = (0usize, 0usize, 0usize);
    for cell in cells.filter(|c| c.bytes().any(|b| b.is_ascii_digit())) {
        if !cell.bytes().all(|b| b.is_ascii_digit() || b"+-.,".contains(&b)) {
            continue;
        }
        let body = cell.trim_start_matches(['+', '-']);
        // Dates are no numbers: 1950-01-01, 19.5.1995.
        if body.contains(['-', '+']) || (!body.contains(',') && body.matches('.').count() > 1) {
            continue;
        }
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        match body.split_once(',') {
            Some((a, b)) if digits(a) && digits(b) => comma += 1,
            _ if digits(body) => plain += 1,
            _ => other += 1,
        }
    }
    comma > 0 && (comma + plain) * 10 >= (comma + plain + other) * 9
}
