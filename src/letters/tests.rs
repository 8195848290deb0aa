//! How the letters read, and what a deployment may make of them.

use super::*;
use crate::config::Layers;

fn letters(settings: &[String]) -> Result<Letters, String> {
    let layers = Layers {
        command_line: settings.to_vec(),
        ..Layers::default()
    };
    Letters::new(&layers.load().unwrap())
}

const INVITATION: Letter<'static> = Letter::Invitation {
    recipient: "Laura <b>Miller</b>",
    inviter: Some("Ada & Co."),
    expires_at: Timestamp(1_795_000_000_000_000),
};

fn read(letter: &RenderedLetter) -> String {
    let link = "https://people.example.com/accept?token=abc&x=1";
    format!(
        "Subject: {}\n\n{}\n\n{}",
        letter.subject,
        RenderedLetter::fill_in(&letter.text, link),
        RenderedLetter::fill_in_html(&letter.html, link)
    )
}

#[test]
fn an_invitation_reads_well() {
    let letters = letters(&["branding.name=K Bank".to_owned()]).unwrap();
    insta::assert_snapshot!("invitation", read(&letters.write(&INVITATION).unwrap()));
    let by_server = Letter::Invitation {
        recipient: "admin@example.com",
        inviter: None,
        expires_at: Timestamp(0),
    };
    insta::assert_snapshot!(
        "invitation by the server",
        letters.write(&by_server).unwrap().text
    );
}

#[test]
fn letters_about_passwords_read_well() {
    let letters = letters(&["branding.name=K Bank".to_owned()]).unwrap();
    let recipient = "Laura <b>Miller</b>";
    let reset = Letter::PasswordReset {
        recipient,
        expires_at: Timestamp(1_795_000_000_000_000),
    };
    insta::assert_snapshot!("password reset", read(&letters.write(&reset).unwrap()));
    let changed = Letter::PasswordChanged {
        recipient,
        changed_at: Timestamp(1_795_000_000_000_000),
        address: Some("192.0.2.7"),
    };
    insta::assert_snapshot!("password changed", read(&letters.write(&changed).unwrap()));
}

#[test]
fn a_letter_about_a_new_address_reads_well() {
    let letters = letters(&["branding.name=K Bank".to_owned()]).unwrap();
    let changed = Letter::EmailChanged {
        recipient: "Laura <b>Miller</b>",
        changed_at: Timestamp(1_795_000_000_000_000),
        administrator: "Ada & Co.",
    };
    insta::assert_snapshot!("email changed", read(&letters.write(&changed).unwrap()));
    let required = |reason| Letter::PasswordRequired {
        recipient: "Laura <b>Miller</b>",
        reason,
        expires_at: Timestamp(1_795_000_000_000_000),
    };
    let administrator = "Ada & Co.";
    let new_address = required(NewPasswordReason::NewAddress { administrator });
    insta::assert_snapshot!(
        "password required",
        read(&letters.write(&new_address).unwrap())
    );
    let promotion = required(NewPasswordReason::Promotion);
    insta::assert_snapshot!(
        "password required of an administrator",
        letters.write(&promotion).unwrap().text
    );
}

#[test]
fn a_letter_bears_the_brand() {
    let letters = letters(&[
        "branding.color=#ffee00".to_owned(),
        "branding.logo_url=https://cdn.kbank.com/logo.png".to_owned(),
    ]);
    let html = letters.unwrap().write(&INVITATION).unwrap().html;
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
    let written = letters(&setting).unwrap().write(&INVITATION).unwrap();
    assert_eq!(written.subject, "Welcome to Usher");
    assert!(written.text.contains("Ada & Co. has invited you"));
    let layout = "<h1>K Bank</h1>{% block content %}{% endblock %}";
    std::fs::write(folder.path().join("layout.html"), layout).unwrap();
    let written = letters(&setting).unwrap().write(&INVITATION).unwrap();
    assert!(written.html.starts_with("<h1>K Bank</h1>"));
    assert!(written.html.contains("Ada &amp; Co. has invited you"));

    for (text, complaint) in [
        ("{{ nothing }}", "invitation/body.txt: undefined value"),
        ("{% if %}", "invitation/body.txt: syntax error"),
        ("no link", "must contain {{ link }}"),
    ] {
        write("body.txt", text);
        let problem = letters(&setting).unwrap_err();
        assert!(problem.contains(complaint), "{problem}");
    }
    let problem = letters(&["mail.templates=/nowhere/at/all".to_owned()]).unwrap_err();
    assert!(problem.contains("/nowhere/at/all"), "{problem}");
}
