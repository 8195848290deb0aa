//! How the e-mails read, and what a deployment may make of them.

use super::*;
use crate::config::Layers;

fn email_templates(settings: &[String]) -> Result<EmailTemplates, String> {
    let layers = Layers {
        command_line: settings.to_vec(),
        ..Layers::default()
    };
    EmailTemplates::new(&layers.load().unwrap())
}

const INVITATION: EmailTemplate<'static> = EmailTemplate::Invitation {
    recipient: "Laura <b>Miller</b>",
    inviter: Some("Ada & Co."),
    message: None,
    expires_at: Timestamp(1_795_000_000_000_000),
};

fn read(template: &RenderedEmail) -> String {
    let link = "https://people.example.com/accept?token=abc&x=1";
    format!(
        "Subject: {}\n\n{}\n\n{}",
        template.subject,
        RenderedEmail::with_link(&template.text, link),
        RenderedEmail::with_link_html(&template.html, link)
    )
}

#[test]
fn an_invitation_reads_well() {
    let email_templates = email_templates(&["branding.name=K Bank".to_owned()]).unwrap();
    insta::assert_snapshot!(
        "invitation",
        read(&email_templates.render(&INVITATION).unwrap())
    );
    let by_server = EmailTemplate::Invitation {
        recipient: "admin@example.com",
        inviter: None,
        message: None,
        expires_at: Timestamp(0),
    };
    insta::assert_snapshot!(
        "invitation by the server",
        email_templates.render(&by_server).unwrap().text
    );
}

#[test]
fn what_the_inviter_has_written_is_a_quotation() {
    let email_templates = email_templates(&["branding.name=K Bank".to_owned()]).unwrap();
    let invitation = EmailTemplate::Invitation {
        recipient: "laura@kbank.com",
        inviter: Some("Ada"),
        message: Some("Hello <b>Laura</b>,\n\nsee you on Monday."),
        expires_at: Timestamp(0),
    };
    let written = email_templates.render(&invitation).unwrap();
    let quoted = "\nAda writes:\n\n> Hello <b>Laura</b>,\n> \n> see you on Monday.\n\n";
    assert!(written.text.contains(quoted), "{}", written.text);
    let quoted =
        "Hello &lt;b&gt;Laura&lt;&#x2f;b&gt;,<br>\n<br>\nsee you on Monday.<br>\n</blockquote>";
    assert!(written.html.contains(quoted), "{}", written.html);
}

#[test]
fn letters_about_passwords_read_well() {
    let email_templates = email_templates(&["branding.name=K Bank".to_owned()]).unwrap();
    let recipient = "Laura <b>Miller</b>";
    let reset = EmailTemplate::PasswordReset {
        recipient,
        expires_at: Timestamp(1_795_000_000_000_000),
    };
    insta::assert_snapshot!(
        "password reset",
        read(&email_templates.render(&reset).unwrap())
    );
    let changed = EmailTemplate::PasswordChanged {
        recipient,
        changed_at: Timestamp(1_795_000_000_000_000),
        address: Some("192.0.2.7"),
    };
    insta::assert_snapshot!(
        "password changed",
        read(&email_templates.render(&changed).unwrap())
    );
}

#[test]
fn a_letter_about_a_new_address_reads_well() {
    let email_templates = email_templates(&["branding.name=K Bank".to_owned()]).unwrap();
    let changed = EmailTemplate::EmailChanged {
        recipient: "Laura <b>Miller</b>",
        changed_at: Timestamp(1_795_000_000_000_000),
        administrator: "Ada & Co.",
    };
    insta::assert_snapshot!(
        "email changed",
        read(&email_templates.render(&changed).unwrap())
    );
    let required = |reason| EmailTemplate::PasswordRequired {
        recipient: "Laura <b>Miller</b>",
        reason,
        expires_at: Timestamp(1_795_000_000_000_000),
    };
    let administrator = "Ada & Co.";
    let new_address = required(NewPasswordReason::NewAddress { administrator });
    insta::assert_snapshot!(
        "password required",
        read(&email_templates.render(&new_address).unwrap())
    );
    let promotion = required(NewPasswordReason::Promotion);
    insta::assert_snapshot!(
        "password required of an administrator",
        email_templates.render(&promotion).unwrap().text
    );
}

#[test]
fn a_letter_bears_the_brand() {
    let email_templates = email_templates(&[
        "branding.color=#ffee00".to_owned(),
        "branding.logo_url=https://cdn.kbank.com/logo.png".to_owned(),
    ]);
    let html = email_templates.unwrap().render(&INVITATION).unwrap().html;
    assert!(
        html.contains(r#"src="https:&#x2f;&#x2f;cdn.kbank.com"#),
        "{html}"
    );
    // White on yellow cannot be read.
    assert!(html.contains("background:#ffee00") && !html.contains("color:#ffffff;text"));
}

#[test]
fn a_deployment_can_replace_a_template_and_learns_what_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("invitation")).unwrap();
    let setting = [format!("mail.templates={}", folder.path().display())];
    let write = |part: &str, text: &str| {
        std::fs::write(folder.path().join("invitation").join(part), text).unwrap();
    };
    write("subject.txt", "Welcome to\n{{ application }}");
    let written = email_templates(&setting)
        .unwrap()
        .render(&INVITATION)
        .unwrap();
    assert_eq!(written.subject, "Welcome to Usher");
    assert!(written.text.contains("Ada & Co. has invited you"));
    let layout = "<h1>K Bank</h1>{% block content %}{% endblock %}";
    std::fs::write(folder.path().join("layout.html"), layout).unwrap();
    let written = email_templates(&setting)
        .unwrap()
        .render(&INVITATION)
        .unwrap();
    assert!(written.html.starts_with("<h1>K Bank</h1>"));
    assert!(written.html.contains("Ada &amp; Co. has invited you"));

    for (text, complaint) in [
        ("{{ nothing }}", "invitation/body.txt: undefined value"),
        ("{% if %}", "invitation/body.txt: syntax error"),
        ("no link", "must contain {{ link }}"),
    ] {
        write("body.txt", text);
        let problem = email_templates(&setting).unwrap_err();
        assert!(problem.contains(complaint), "{problem}");
    }
    let problem = email_templates(&["mail.templates=/nowhere/at/all".to_owned()]).unwrap_err();
    assert!(problem.contains("/nowhere/at/all"), "{problem}");
}
