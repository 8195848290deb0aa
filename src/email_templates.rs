//! EmailTemplates: what the server writes to people, from template and data to subject, text and HTML.
//!
//! An e-mail is a folder of three templates under `email_templates/templates/`, built into the binary; their
//! HTML extends `layout.html`. A deployment replaces any of these with a file of the same path in the
//! folder `mail.templates`. How an e-mail is queued stands in `domain/emails.rs`, and what a message looks like on the wire in `transports`.

use std::path::Path;

use entity::Timestamp;
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use rust_embed::RustEmbed;
use texts::{invisible, web_address};

use crate::color::Palette;
use crate::config::Config;

#[cfg(test)]
mod tests;

/// Stands in a stored e-mail where the secret link belongs: "a placeholder in the text for an
/// otherwise unspecified object" (The Unicode Standard, section 23.8). Text that people enter must
/// not contain it.
pub const LINK_PLACEHOLDER: char = '\u{FFFC}';

/// The built-in templates by path. Their names end in what they are escaped for.
#[derive(RustEmbed)]
#[folder = "src/email_templates/templates/"]
struct BuiltIn;

/// An e-mail to one person, with the data that its templates need.
#[derive(Clone, Debug)]
pub enum EmailTemplate<'a> {
    /// You have been invited.
    Invitation {
        /// What the recipient is called, or their address.
        recipient: &'a str,
        /// Who invites them; the server itself has no name.
        inviter: Option<&'a str>,
        /// What they have written to the recipient.
        message: Option<&'a str>,
        /// From when on the link no longer works.
        expires_at: Timestamp,
    },
    /// You can choose a new password.
    PasswordReset {
        /// What the recipient is called, or their address.
        recipient: &'a str,
        /// From when on the link no longer works.
        expires_at: Timestamp,
    },
    /// Your password was changed.
    PasswordChanged {
        /// What the recipient is called, or their address.
        recipient: &'a str,
        /// When it was changed.
        changed_at: Timestamp,
        /// The client address that it was changed from, as far as it is known.
        address: Option<&'a str>,
    },
    /// Your e-mail address was changed. For the old one.
    EmailChanged {
        /// What the recipient is called, or their old address.
        recipient: &'a str,
        /// When it was changed.
        changed_at: Timestamp,
        /// Who changed it.
        administrator: &'a str,
    },
    /// Your password was voided, and you can choose a new one.
    PasswordRequired {
        /// What the recipient is called, or their address.
        recipient: &'a str,
        /// Why it was.
        reason: NewPasswordReason<'a>,
        /// From when on the link no longer works.
        expires_at: Timestamp,
    },
    /// Mail goes out.
    Test {
        /// Who wants to know; the server itself has no name.
        sender: Option<&'a str>,
        /// When they asked.
        queued_at: Timestamp,
    },
}

/// Why somebody has to choose a new password.
#[derive(Clone, Copy, Debug)]
pub enum NewPasswordReason<'a> {
    /// Their address was changed.
    NewAddress {
        /// Who changed it.
        administrator: &'a str,
    },
    /// Whoever runs the server made them an administrator.
    Promotion,
}

/// What an e-mail can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EmailKind {
    /// You have been invited.
    Invitation,
    /// You can choose a new password, as was asked for.
    PasswordReset,
    /// Your password was voided, and you can choose a new one.
    PasswordRequired,
    /// Your password was changed.
    PasswordChanged,
    /// Your e-mail address was changed.
    EmailChanged,
    /// E-mails go out.
    Test,
}

impl EmailKind {
    const ALL: [Self; 6] = [
        Self::Invitation,
        Self::PasswordReset,
        Self::PasswordRequired,
        Self::PasswordChanged,
        Self::EmailChanged,
        Self::Test,
    ];

    /// As it is stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::PasswordReset => "password-reset",
            Self::PasswordRequired => "password-required",
            Self::PasswordChanged => "password-changed",
            Self::EmailChanged => "email-changed",
            Self::Test => "test",
        }
    }

    /// Reads what [`code`](Self::code) wrote; nothing for one of a later version's.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

impl EmailTemplate<'_> {
    /// The folder of its templates, and what the queue shows as its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Invitation { .. } => EmailKind::Invitation,
            Self::Test { .. } => EmailKind::Test,
            Self::PasswordReset { .. } => EmailKind::PasswordReset,
            Self::PasswordChanged { .. } => EmailKind::PasswordChanged,
            Self::EmailChanged { .. } => EmailKind::EmailChanged,
            Self::PasswordRequired { .. } => EmailKind::PasswordRequired,
        }
        .code()
    }

    /// Whether it leads somewhere.
    fn has_link(&self) -> bool {
        matches!(
            self,
            Self::Invitation { .. } | Self::PasswordReset { .. } | Self::PasswordRequired { .. }
        )
    }
}

/// An e-mail as it is stored: [`LINK_PLACEHOLDER`] stands where its secret link belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedEmail {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML, in which every value is escaped.
    pub html: String,
}

/// Writes e-mails.
#[derive(Debug)]
pub struct EmailTemplates {
    templates: Environment<'static>,
}

impl EmailTemplates {
    /// Reads the templates and tries each of them.
    ///
    /// # Errors
    ///
    /// A sentence that names the template and what is wrong with it.
    pub fn new(settings: &Config) -> Result<Self, String> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_syntax(syntax()?);
        templates.set_auto_escape_callback(|name| {
            if name.ends_with(".html") {
                AutoEscape::Html
            } else {
                AutoEscape::None
            }
        });
        // What every e-mail may use, whatever it is about.
        let palette = Palette::of(&settings.branding.color)
            .ok_or("branding.color: must be a colour such as #1f4fd8")?;
        templates.add_global("logo_url", settings.branding.logo_url.clone());
        templates.add_global("color", palette.brand);
        templates.add_global("text_on_color", palette.on_brand);
        templates.add_global("link_color", palette.ink);
        templates.add_global("application", settings.branding.name.clone());
        for name in BuiltIn::iter() {
            let source = match replacement(settings.mail.templates.as_deref(), &name)? {
                Some(source) => source,
                None => built_in(&name),
            };
            templates
                .add_template_owned(name.clone(), source)
                .map_err(|error| format!("mail.templates: {name}: {error}"))?;
        }
        let email_templates = Self { templates };
        email_templates.try_all()?;
        Ok(email_templates)
    }

    /// Writes an e-mail.
    ///
    /// # Errors
    ///
    /// A sentence that names the template: none that passed [`EmailTemplates::new`] is expected to fail.
    pub fn render(&self, template: &EmailTemplate<'_>) -> Result<RenderedEmail, String> {
        let data = match template {
            EmailTemplate::Invitation {
                recipient,
                inviter,
                message,
                expires_at,
            } => context! {
                recipient => harmless(recipient),
                inviter => inviter.map(harmless),
                message => message.map(|text| text.lines().map(harmless).collect::<Vec<_>>()),
                expires_at => shown(*expires_at),
                link => LINK_PLACEHOLDER.to_string(),
            },
            EmailTemplate::Test { sender, queued_at } => context! {
                sender => sender.map(harmless),
                queued_at => shown(*queued_at),
            },
            EmailTemplate::PasswordReset {
                recipient,
                expires_at,
            } => context! {
                recipient => harmless(recipient),
                expires_at => shown(*expires_at),
                link => LINK_PLACEHOLDER.to_string(),
            },
            EmailTemplate::PasswordChanged {
                recipient,
                changed_at,
                address,
            } => context! {
                recipient => harmless(recipient),
                changed_at => shown(*changed_at),
                address => *address,
            },
            EmailTemplate::EmailChanged {
                recipient,
                changed_at,
                administrator,
            } => context! {
                recipient => harmless(recipient),
                changed_at => shown(*changed_at),
                administrator => harmless(administrator),
            },
            EmailTemplate::PasswordRequired {
                recipient,
                reason,
                expires_at,
            } => context! {
                recipient => harmless(recipient),
                administrator => match reason {
                    NewPasswordReason::NewAddress { administrator } => Some(*administrator),
                    NewPasswordReason::Promotion => None,
                },
                expires_at => shown(*expires_at),
                link => LINK_PLACEHOLDER.to_string(),
            },
        };
        let render = |part: &str| {
            let name = format!("{}/{part}", template.kind());
            self.templates
                .get_template(&name)
                .and_then(|template| template.render(&data))
                .map_err(|error| format!("mail.templates: {name}: {error}"))
        };
        Ok(RenderedEmail {
            // A subject is one line, whatever its template says.
            subject: render("subject.txt")?
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
            text: render("body.txt")?,
            html: render("body.html")?,
        })
    }

    fn try_all(&self) -> Result<(), String> {
        let recipient = "Laura Miller";
        for template in [
            EmailTemplate::Invitation {
                recipient,
                inviter: Some("Ada"),
                message: Some("Welcome!"),
                expires_at: Timestamp(0),
            },
            EmailTemplate::PasswordReset {
                recipient,
                expires_at: Timestamp(0),
            },
            EmailTemplate::PasswordChanged {
                recipient,
                changed_at: Timestamp(0),
                address: None,
            },
            EmailTemplate::EmailChanged {
                recipient,
                changed_at: Timestamp(0),
                administrator: "Ada",
            },
            EmailTemplate::PasswordRequired {
                recipient,
                reason: NewPasswordReason::NewAddress {
                    administrator: "Ada",
                },
                expires_at: Timestamp(0),
            },
            EmailTemplate::PasswordRequired {
                recipient,
                reason: NewPasswordReason::Promotion,
                expires_at: Timestamp(0),
            },
            EmailTemplate::Test {
                sender: Some("Ada"),
                queued_at: Timestamp(0),
            },
        ] {
            let written = self.render(&template)?;
            for (part, text) in [("body.txt", &written.text), ("body.html", &written.html)] {
                if template.has_link() && !text.contains(LINK_PLACEHOLDER) {
                    return Err(format!(
                        "mail.templates: {}/{part}: must contain {{{{ link }}}}, or the e-mail has no link",
                        template.kind()
                    ));
                }
            }
        }
        Ok(())
    }
}

/// A name as e-mails show it: without invisible characters and web addresses, which names could have
/// when they were stored by an earlier version.
fn harmless(name: &str) -> String {
    let name = name.replace(char::is_control, " ");
    web_address::without(&invisible::without(&name))
}

/// A text as templates write it in HTML.
pub fn in_html(text: &str) -> String {
    minijinja::HtmlEscape(text).to_string()
}

/// A time as e-mails tell it.
fn shown(time: Timestamp) -> String {
    time.to_utc().format("%-d %B %Y, %H:%M UTC").to_string()
}

/// A line that holds nothing but a tag leaves no empty line behind.
fn syntax() -> Result<SyntaxConfig, String> {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .map_err(|error| format!("mail.templates: {error}"))
}

fn built_in(name: &str) -> String {
    let file = BuiltIn::get(name).map(|file| file.data).unwrap_or_default();
    String::from_utf8_lossy(&file).into_owned()
}

/// The deployment's own version of a template, if it has one.
fn replacement(folder: Option<&Path>, name: &str) -> Result<Option<String>, String> {
    let Some(folder) = folder else {
        return Ok(None);
    };
    if !folder.is_dir() {
        return Err(format!(
            "mail.templates: {} is not a folder",
            folder.display()
        ));
    }
    let path = folder.join(name);
    match std::fs::read_to_string(&path) {
        Ok(source) => Ok(Some(source)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("mail.templates: {}: {error}", path.display())),
    }
}

impl RenderedEmail {
    /// A text body with what stands for the link: the link itself, or a mask.
    pub fn with_link(body: &str, link: &str) -> String {
        body.replace(LINK_PLACEHOLDER, link)
    }

    /// An HTML body with what stands for the link, escaped.
    pub fn with_link_html(body: &str, link: &str) -> String {
        let escaped = link
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&#x27;");
        body.replace(LINK_PLACEHOLDER, &escaped)
    }
}
