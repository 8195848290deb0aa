//! Standard output and standard error. Whoever reads them may leave before the end, as `head` does;
//! what they do not read is not worth a panic, which is what `println!` would make of it.

use std::io::{ErrorKind, Write, stderr, stdout};

/// Prints a command's result.
///
/// # Errors
///
/// A sentence, when it cannot be written although somebody may want to read it.
pub fn print(text: &str) -> Result<(), String> {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {error}"))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints a line of a command's result.
///
/// # Errors
///
/// As for [`print`].
pub fn print_line(line: &str) -> Result<(), String> {
    print(&format!("{line}\n"))
}

/// Says on standard error what the program is doing, or why it failed. There is nowhere left to say
/// that it cannot be said.
pub fn eprint_line(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}
