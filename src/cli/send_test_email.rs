//! `usher send-test-email`: one message past the queue, to see what the transport says. Where it takes the
//! message, and the queue was waiting for it, the queue goes on.

use transports::{Failure, Mail, Registry};
use usher::clock::Clock;
use usher::config::Config;
use usher::domain::{EmailAddress, emails};
use usher::server;

use super::output::{eprint_line, print_line};

/// Sends it, and prints the answer.
pub async fn run(settings: Config, address: &str, transport: Option<&str>) -> Result<(), String> {
    let to = EmailAddress::parse(address).map_err(|error| format!("{address}: {error}"))?;
    let name = transport.unwrap_or(&settings.mail.transport).to_owned();
    let name = name.as_str();
    if name == "log" {
        // What this transport does is to print the mail through the log.
        usher::log::start(&settings.log, None)?;
    }
    let sender = Registry::builtin()
        .build(name, &settings.mail.transports)
        .map_err(|error| error.to_string())?;
    eprint_line(&format!(
        "Sending a test e-mail with the {name} transport …"
    ));
    match sender.send(&mail(&settings, &to)).await {
        Ok(delivery) => {
            print_line(&format!("{}: {}", delivery.transport, delivery.response))?;
            if name == settings.mail.transport {
                tell_the_queue(settings).await;
            }
            Ok(())
        }
        Err(error) => {
            let kind = match error.kind {
                Failure::Transient => "temporarily rejected",
                Failure::Permanent => "permanently rejected",
                Failure::Unavailable => "transport unavailable",
            };
            Err(format!("{name}: {kind}: {}", error.response))
        }
    }
}

/// Has the queue go on where it waits for this transport. A test needs no database; where there is none, or
/// it is away, the server finds out for itself soon enough.
async fn tell_the_queue(settings: Config) {
    let Ok(app) = server::open_existing(settings).await else {
        return;
    };
    if let Ok(true) = emails::transport_has_answered(&app).await {
        eprint_line("The e-mail queue has waited for this transport, and goes on.");
    }
}

fn mail(settings: &Config, to: &EmailAddress) -> Mail {
    let date = Clock::system().now();
    let name = &settings.branding.name;
    let domain = settings.mail.from.domain().unwrap_or("localhost");
    Mail {
        message_id: format!("<test-{}@{domain}>", date.0),
        date: date.to_utc(),
        from: settings.mail.from.mailbox().to_owned(),
        to: vec![to.as_typed().to_owned()],
        subject: format!("Test e-mail from {name}"),
        text: format!(
            "This is a test e-mail from {name}.\n\nIf you can read it, e-mail from {} is being delivered.\n",
            settings.server.public_url
        ),
        html: None,
        secrets: Vec::new(),
    }
}
