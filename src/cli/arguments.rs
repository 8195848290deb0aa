//! What can be said on the command line, and the help that explains it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use super::invite::Existing;

const EXAMPLES: &str = "\
Examples:
  usher demo                                    look around, on a throw-away database
  usher                                         start the server in this directory
  usher --set mail.transport=file               the same, writing e-mails to a folder
  usher config show                             show every setting and where it comes from
  usher doctor                                  find out what is wrong with this installation

Every setting is explained in config.default.toml. Settings come from there, from usher.toml or the file
that --config or USHER_CONFIG names, from the environment (USHER_MAIL__TRANSPORT=file), and from --set,
each overriding the one before.

Exit codes: 0 success; 1 failure, with the reasons on standard error, one per line, each prefixed with
\"usher: \"; 2 invalid command line.";

/// Manages the people who use your application: users, roles, invitations, passwords, and the queue
/// that delivers their e-mail, behind one GraphQL API
#[derive(Parser)]
#[command(version = env!("VERSION_AND_COMMIT"), max_term_width = 100, after_help = EXAMPLES)]
pub struct Arguments {
    /// The configuration file [env: USHER_CONFIG] [default: usher.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Set a configuration key, such as mail.transport=file; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,

    /// The command to run [default: serve]
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What can be done.
#[derive(Subcommand)]
pub enum Command {
    /// Start the server (the default)
    Serve {
        /// Leave the e-mail queue to `usher worker` in another process
        #[arg(long)]
        no_worker: bool,
    },
    /// Process the e-mail queue without serving requests
    Worker,
    /// Start a server with sample users, roles and e-mails on a throw-away database
    ///
    /// No e-mail leaves this machine, and all data is deleted when the server stops. The demo does
    /// not read usher.toml, so it never touches a database of yours.
    Demo {
        /// Allow a non-loopback address, although the demo's passwords are public
        #[arg(long)]
        force: bool,
    },
    /// Bring the database schema up to date; `serve` also does this when it starts
    Migrate,
    /// Write all data to a new file, also while the server runs (SQLite)
    ///
    /// The file is for its owner alone, and holds all that the database holds: password hashes, and links
    /// that still work. `usher restore` puts it back. PostgreSQL, MariaDB and MySQL have tools of their
    /// own for this, which docs/backup.md shows.
    Backup {
        /// The file to write; one that exists is not overwritten
        file: PathBuf,
    },
    /// Put a backup in the place of the database (SQLite), while no server runs
    ///
    /// A backup shows the past. So the e-mail queue is paused until an administrator resumes it, and all
    /// sessions and open links are ended: some of them may have been ended, used or sent since. The
    /// restored database is brought up to date.
    Restore {
        /// The backup
        file: PathBuf,
        /// Put a database that is there aside, under another name in the same folder
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        kept: Kept,
    },
    /// After a database server was restored by its own tools: hold e-mails, end sessions and links
    ///
    /// This does what `usher restore` does after it has restored SQLite: the schema is brought up to date,
    /// the e-mail queue is paused until an administrator resumes it, and all sessions and open links are
    /// ended. Run it before any server starts.
    AfterRestore {
        #[command(flatten)]
        kept: Kept,
    },
    /// Copy everything to an empty database, of this or another kind, while no server runs
    ///
    /// Users, roles, links, sessions, events and the e-mail queue go on working there. Both databases
    /// remain; start no server on the old one again, or e-mails in its queue are sent twice.
    Copy {
        /// The other database's address, written as database.url is; `-` reads it from standard input
        #[arg(long, value_name = "URL", allow_hyphen_values = true)]
        to: String,
    },
    /// Invite everybody in a CSV file, also while the server runs
    ///
    /// Its first line names the columns: email, first_name, last_name, roles. The latter holds code names,
    /// separated by semicolons. Whoever cannot be invited is named with their line, and keeps nobody else from
    /// it.
    Invite {
        /// The file; `-` reads standard input
        file: PathBuf,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
        /// What becomes of people who are users already
        #[arg(long, value_enum, default_value_t = Existing::Error, value_name = "WHAT")]
        on_existing: Existing,
    },
    /// Invite an administrator, or renew their invitation, and print the link
    ///
    /// For operators with access to the server's database, when there is no other way in. An active
    /// user who becomes an administrator is signed out, and has to choose a new password with the link.
    InviteAdministrator {
        /// The administrator's e-mail address
        email: String,
    },
    /// Print a link with which an active user chooses a new password; no e-mail is sent
    ///
    /// For operators with access to the server's database, when e-mails do not arrive.
    ResetPassword {
        /// The user's e-mail address
        email: String,
    },
    /// Delete a user, and erase whatever says who they are; or what is left of a deleted one
    ///
    /// E-mails to them go, and their names, addresses and IP addresses, also in the event log. Events stay, with
    /// the user's ID. Backups, logs and e-mails that were sent are not reached: see docs/personal-data.md.
    Erase {
        /// The person's e-mail address
        email: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Show, pause or resume the e-mail queue, also while the server runs
    #[command(subcommand)]
    Queue(QueueCommand),
    /// Show or check the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Send a test e-mail directly, bypassing the queue, and print the transport's response
    SendTestEmail {
        /// The recipient's e-mail address
        address: String,
        /// Use this transport instead of mail.transport, such as smtp
        #[arg(long, value_name = "NAME")]
        transport: Option<String>,
    },
    /// Check configuration, database, mail transport, public URL and administrators
    Doctor,
    /// Ask the running server whether it can serve requests: exit code 0 if it can, 1 if not
    ///
    /// The server is the one that these settings start on this machine. It is asked at metrics.bind, if that
    /// is set, where a worker answers as well.
    Healthcheck {
        /// Ask the server at this address instead, such as http://127.0.0.1:8000
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
    /// Print the GraphQL schema
    Schema,
    /// Print shell completions: usher completions bash > /etc/bash_completion.d/usher
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// What stays in force in a backup that is restored.
#[derive(Clone, Copy, Args)]
pub struct Kept {
    /// Leave everybody signed in who was when the backup was taken, also who has signed out since
    #[arg(long)]
    pub keep_sessions: bool,
    /// Let invitations and password resets work that did when the backup was taken, also those used since
    #[arg(long)]
    pub keep_links: bool,
}

/// What can be done with the e-mail queue.
#[derive(Subcommand)]
pub enum QueueCommand {
    /// Print whether e-mails are being sent, why not, and how many there are
    Status {
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Start no more e-mails; those that are being sent are finished
    Pause,
    /// Send e-mails again, and try an unavailable transport at once
    Resume,
}

/// What can be done with the configuration.
#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Print every key, its value, and the layer it comes from; secrets are masked
    Show,
    /// Check whether the server would start with it
    Check,
}
