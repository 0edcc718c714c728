//! What to say when a run was stopped in the middle.

use crate::error::Error;
use crate::progress::note;

/// Says which command goes on, if `error` is an interruption.
pub fn resumable(error: Error) -> Error {
    if matches!(error, Error::Interrupted) {
        note(format_args!("continue with: {}", command(std::env::args().skip(1))));
    }
    error
}

/// The same command with `--resume` and without `--force`, quoted for a shell.
fn command(arguments: impl Iterator<Item = String>) -> String {
    let mut words = vec!["temblor".to_string()];
    words.extend(arguments.filter(|word| word != "--force" && word != "--resume").map(quoted));
    words.push("--resume".into());
    words.join(" ")
}

fn quoted(word: String) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+.,:/@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word,
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_pasted_into_a_shell() {
        let words = ["train", "a b.toml", "--force", "--run", "it's", ""];
        let said = command(words.into_iter().map(String::from));
        assert_eq!(said, "temblor train 'a b.toml' --run 'it'\\''s' '' --resume");
    }
}
