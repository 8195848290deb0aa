//! `usher invite`: many people from a file, by the same rules as the API's `inviteUsers`. It works beside a
//! running server.

use std::fs::File;
use std::io::{Read, stdin};
use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;
use csv::{ReaderBuilder, StringRecord, Trim};
use usher::config::Config;
use usher::domain::invitations::NewUser;
use usher::domain::invitations::many::{Batch, Invitee, OnExisting, Treatment, invite_many};
use usher::domain::many::{Outcome, Outcomes};
use usher::domain::{Actor, UserError};
use usher::server;

use super::output::{eprint_line, print_line};

/// The columns that a file may have, in any order.
const COLUMNS: [&str; 4] = ["email", "first_name", "last_name", "roles"];

/// The largest file that is read, in octets.
const MAX_SIZE: u64 = 16 * 1024 * 1024;

/// How many people a file may hold.
const MAX_PEOPLE: usize = 50_000;

/// What becomes of people who are users already.
#[derive(Clone, Copy, ValueEnum)]
pub enum Existing {
    /// That is an error
    Error,
    /// They are passed over
    Skip,
    /// Whoever has not signed up yet is sent a new link; others are passed over
    Resend,
}

impl From<Existing> for OnExisting {
    fn from(existing: Existing) -> Self {
        match existing {
            Existing::Error => Self::Error,
            Existing::Skip => Self::Skip,
            Existing::Resend => Self::Resend,
        }
    }
}

/// Invites everybody in the file, or says what would become of them.
pub async fn run(
    settings: Config,
    file: &Path,
    existing: Existing,
    is_dry_run: bool,
) -> Result<(), String> {
    let (lines, rows) = people(&read(file)?)?;
    let app = server::open_existing(settings)
        .await
        .map_err(|error| error.to_string())?;
    let batch = Batch {
        rows,
        at_most: MAX_PEOPLE,
        on_existing: existing.into(),
        is_dry_run,
        key: None,
        within: Duration::MAX,
    };
    let done = Box::pin(invite_many(&app, &Actor::server(), &batch))
        .await
        .map_err(|error| error.explained())?;
    tell(&lines, done, is_dry_run)
}

/// All that is in the file, or on standard input.
fn read(file: &Path) -> Result<Vec<u8>, String> {
    let name = file.display();
    let mut content = Vec::new();
    let read = if file == Path::new("-") {
        stdin().lock().take(MAX_SIZE + 1).read_to_end(&mut content)
    } else {
        File::open(file).and_then(|file| file.take(MAX_SIZE + 1).read_to_end(&mut content))
    };
    read.map_err(|error| format!("{name}: {error}"))?;
    if content.len() as u64 > MAX_SIZE {
        return Err(format!("{name}: has more than {MAX_SIZE} bytes"));
    }
    Ok(content)
}

/// The people in a file, each with the line where they begin.
fn people(content: &[u8]) -> Result<(Vec<usize>, Vec<NewUser>), String> {
    // Spreadsheets begin with the byte order mark.
    let content = content
        .strip_prefix("\u{FEFF}".as_bytes())
        .unwrap_or(content);
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(content);
    let mut line = Lines::of(content);
    let header = reader.headers();
    let header = header
        .map_err(|error| explained(&error, &mut line))?
        .clone();
    let places = places(&header)?;
    let (mut lines, mut rows, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for record in reader.records() {
        match record {
            Err(error) => wrong.push(explained(&error, &mut line)),
            Ok(record) => {
                lines.push(line.at(record.position()));
                rows.push(person(&record, places));
            }
        }
    }
    if !wrong.is_empty() {
        wrong.push("nobody was invited".to_owned());
        return Err(wrong.join("\n"));
    }
    Ok((lines, rows))
}

/// Where each of [`COLUMNS`] is.
type Places = [Option<usize>; COLUMNS.len()];

fn places(header: &StringRecord) -> Result<Places, String> {
    let known = COLUMNS.join(", ");
    let mut places = Places::default();
    for (place, name) in header.iter().enumerate() {
        let column = COLUMNS
            .iter()
            .position(|column| column.eq_ignore_ascii_case(name));
        let Some(column) = column else {
            return Err(format!(
                "line 1: there is no column {name:?}; the columns are {known}, separated by commas"
            ));
        };
        if places[column].replace(place).is_some() {
            return Err(format!("line 1: the column {name:?} is there twice"));
        }
    }
    for (column, place) in COLUMNS.iter().zip(places) {
        if place.is_none() && ["email", "roles"].contains(column) {
            return Err(format!(
                "line 1: the column {column:?} is missing; the columns are {known}"
            ));
        }
    }
    Ok(places)
}

fn person(record: &StringRecord, places: Places) -> NewUser {
    let [email, first_name, last_name, roles] = places.map(|place| {
        let text = place.and_then(|place| record.get(place));
        text.unwrap_or_default().to_owned()
    });
    let roles = roles.split(';').map(str::trim);
    NewUser {
        email,
        first_name,
        last_name,
        role_code_names: roles
            .filter(|role| !role.is_empty())
            .map(str::to_owned)
            .collect(),
        ..NewUser::default()
    }
}

/// Counts lines. The reader's own number is that of the end of the record before, with empty lines after it.
struct Lines<'a> {
    content: &'a [u8],
    counted_to: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    fn of(content: &'a [u8]) -> Self {
        Self {
            content,
            counted_to: 0,
            line: 1,
        }
    }

    /// The line of the record that begins there or behind the ends of lines that are there: never before the
    /// one that was asked for last.
    fn at(&mut self, position: Option<&csv::Position>) -> usize {
        let begin = position.map_or(0, csv::Position::byte);
        let begin = usize::try_from(begin).unwrap_or(usize::MAX);
        let rest = self.content.iter().enumerate().skip(self.counted_to);
        for (place, octet) in rest {
            if place >= begin && !matches!(octet, b'\r' | b'\n') {
                break;
            }
            self.counted_to = place + 1;
            self.line += usize::from(*octet == b'\n');
        }
        self.line
    }
}

/// What is wrong with a line, in words.
fn explained(error: &csv::Error, lines: &mut Lines<'_>) -> String {
    let line = lines.at(error.position());
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => format!("line {line}: is not in UTF-8"),
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("line {line}: has {len} columns instead of {expected_len}"),
        _ => format!("line {line}: {error}"),
    }
}

/// Says what has become of everybody.
fn tell(lines: &[usize], done: Outcomes<Invitee>, is_dry_run: bool) -> Result<(), String> {
    let (mut invited, mut resent, mut skipped) = (0, 0, 0);
    let (mut failed, mut not_done) = (0, 0);
    for (line, row) in lines.iter().zip(done.each) {
        match row {
            Outcome::Done(invitee) => match invitee.how {
                Treatment::Invited => invited += 1,
                Treatment::Resent => resent += 1,
                Treatment::Skipped => skipped += 1,
            },
            Outcome::Failed(errors) => {
                failed += 1;
                for error in errors {
                    eprint_line(&format!("usher: line {line}: {}", in_words(&error)));
                }
            }
            Outcome::NotDone => {
                not_done += 1;
                eprint_line(&format!("usher: line {line}: not done"));
            }
            Outcome::Unknown => {
                not_done += 1;
                eprint_line(&format!("usher: line {line}: perhaps done"));
            }
        }
    }
    let would = if is_dry_run { "would be " } else { "" };
    print_line(&format!(
        "{would}invited: {invited}, sent a new link: {resent}, passed over: {skipped}, refused: {failed}"
    ))?;
    match done.stopped_by {
        Some(error) => Err(format!(
            "{} of {} lines were not done, or perhaps: {}",
            not_done,
            lines.len(),
            error.explained()
        )),
        None if failed == 0 => Ok(()),
        None => Err(format!("{failed} of {} lines were refused", lines.len())),
    }
}

/// An error of a person's, with the column instead of the API's name for it.
fn in_words(error: &UserError) -> String {
    let column = match error.field.get(2).map(String::as_str) {
        Some("email") => "email",
        Some("firstName") => "first_name",
        Some("lastName") => "last_name",
        Some("roleIds" | "roleCodeNames") => "roles",
        _ => return error.message.clone(),
    };
    format!("{column}: {}", error.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_spreadsheets_write_is_read() {
        let file =
            "\u{FEFF}Email,roles, last_name\r\n\r\nlaura@kbank.com,Editor; Viewer;,\"Mil,ler\"\r\n";
        let (lines, rows) = people(file.as_bytes()).unwrap();
        assert_eq!(lines, [3]);
        assert_eq!(rows[0].email, "laura@kbank.com");
        assert_eq!(rows[0].last_name, "Mil,ler");
        assert_eq!(rows[0].first_name, "");
        assert_eq!(rows[0].role_code_names, ["Editor", "Viewer"]);
    }

    #[test]
    fn what_is_no_such_file_is_told_with_its_line() {
        let told = |file: &[u8]| people(file).map(drop).unwrap_err();
        let known = "email, first_name, last_name, roles";
        assert_eq!(
            told(b"email;roles\n"),
            format!(
                "line 1: there is no column \"email;roles\"; the columns are {known}, separated by commas"
            )
        );
        assert_eq!(
            told(b"email\n"),
            format!("line 1: the column \"roles\" is missing; the columns are {known}")
        );
        assert_eq!(
            told(b"email,roles,EMAIL\n"),
            "line 1: the column \"EMAIL\" is there twice"
        );
        assert_eq!(
            told(b"email,roles\na@b.example,Editor\nc@d.example\n\xff@e.example,Editor\n"),
            "line 3: has 1 columns instead of 2\nline 4: is not in UTF-8\nnobody was invited"
        );
        assert!(told(b"").contains("\"email\" is missing"));
    }
}
