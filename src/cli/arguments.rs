//! What can be said on the command line, and the help that explains it.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  usher demo                                    look around in a throw-away database
  usher                                         start the server in this folder
  usher --set mail.transport=file               the same, with letters in a folder
  usher config show                             what is set, and where it was set
  usher doctor                                  what is wrong with this installation

Every setting is explained in config.default.toml. Settings come from there, from usher.toml, from the
environment (USHER_MAIL__TRANSPORT=file), and from --set, each overriding the one before.

Exit codes: 0 it worked; 1 it failed, and standard error says why, a sentence a line that begins with
\"usher: \"; 2 the command line makes no sense.";

/// Looks after the people of an application: users, roles, invitations, passwords and the e-mail
/// queue, behind one GraphQL API.
#[derive(Parser)]
#[command(version = env!("VERSION_AND_COMMIT"), max_term_width = 100, after_help = EXAMPLES)]
pub struct Arguments {
    /// The configuration file [default: usher.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Sets one key of the configuration, such as mail.transport=file; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,

    /// What to do; starts the server if nothing is said
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What can be done.
#[derive(Subcommand)]
pub enum Command {
    /// Starts the server; what happens without a command
    Serve {
        /// Leaves the e-mail queue to an `usher worker` in another process
        #[arg(long)]
        no_worker: bool,
    },
    /// Works the e-mail queue off, and answers no requests
    Worker,
    /// Starts a server on a throw-away database with people, roles and letters to look at
    ///
    /// No letter leaves this machine, nothing is kept, and the next demo is fresh. It reads no
    /// usher.toml, so that it never touches a database of yours.
    Demo {
        /// Listen on an address that others can reach, although everybody knows the passwords
        #[arg(long)]
        force: bool,
    },
    /// Brings the database's schema up to date; `serve` does so too when it starts
    Migrate,
    /// Invites somebody as Administrator, or gives an invited one a new link, and prints the link
    ///
    /// For whoever has the server's database at hand, and perhaps no other way in.
    InviteAdministrator {
        /// Their e-mail address
        email: String,
    },
    /// Shows or checks the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Hands a test message to the mail transport, past the queue, and prints what it answered
    SendTestEmail {
        /// Whom to send it to
        address: String,
        /// Another transport than mail.transport says, such as smtp
        #[arg(long, value_name = "NAME")]
        transport: Option<String>,
    },
    /// Checks configuration, database, mail transport, addresses, and that somebody is in charge
    Doctor,
    /// Prints the API's schema
    Schema,
    /// Prints completions for a shell: usher completions bash > /etc/bash_completion.d/usher
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// What can be done with the configuration.
#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Prints every key, its value, and the layer that it comes from; secrets are masked
    Show,
    /// Says whether the server would start with it
    Check,
}
