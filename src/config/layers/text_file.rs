//! Text from a file that a person or a secret store has written.

use std::io::Read;
use std::path::Path;

/// The longest text: far longer than any configuration or secret.
const MAX_LENGTH: u64 = 1024 * 1024;

/// Why there is no text.
pub(super) enum Trouble {
    /// There is no such file.
    Missing(String),
    /// There is one, and it is of no use.
    Other(String),
}

impl Trouble {
    /// In words.
    pub(super) fn into_words(self) -> String {
        match self {
            Self::Missing(words) | Self::Other(words) => words,
        }
    }
}

/// Reads a file of UTF-8, without the byte order mark that some editors put at its beginning.
pub(super) fn read(path: &Path) -> Result<String, Trouble> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Trouble::Missing(format!("{shown}: {error}")),
        _ => Trouble::Other(format!("{shown}: {error}")),
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_LENGTH + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_LENGTH {
        return Err(Trouble::Other(format!(
            "{shown}: the file is larger than 1 MiB"
        )));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| Trouble::Other(format!("{shown}: the file is not UTF-8 text")))?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(text) => text.to_owned(),
        None => text,
    })
}
