//! What is so whatever has happened, in whichever order: read from the rows, without the model.

use std::collections::BTreeSet;

use entity::email_attempt::Outcome;
use entity::{email, invitation, password_reset, user};

use crate::rows::Rows;

/// Panics unless all of it holds.
pub fn check(rows: &Rows) {
    somebody_administers(rows);
    only_the_active_have_sessions(rows);
    one_invitation_is_open_at_most(rows);
    links_leave_the_queue_with_their_purpose(rows);
    for email in &rows.emails {
        attempts_match(rows, email);
    }
}

fn somebody_administers(rows: &Rows) {
    let administers = |user: &&user::Model| {
        user.status() == user::Status::Active
            && rows.roles_of(user.id).any(|role| role.is_protected)
    };
    assert!(
        rows.users.iter().any(|user| administers(&user)),
        "nobody administers"
    );
}

fn only_the_active_have_sessions(rows: &Rows) {
    for session in &rows.sessions {
        let user = rows
            .users
            .iter()
            .find(|user| user.id == session.user_id)
            .unwrap();
        assert_eq!(
            user.status(),
            user::Status::Active,
            "{} has a session",
            user.email
        );
    }
}

fn one_invitation_is_open_at_most(rows: &Rows) {
    for user in &rows.users {
        let of_user = rows
            .invitations
            .iter()
            .filter(|link| link.user_id == user.id);
        let open = of_user.filter(|link| link.accepted_at.is_none() && link.revoked_at.is_none());
        let most = usize::from(user.status() == user::Status::Invited);
        let open = open.count();
        assert!(open <= most, "{} has {open} open invitations", user.email);
        let of_user = rows.resets.iter().filter(|link| link.user_id == user.id);
        let is_open =
            |link: &password_reset::Model| link.status(rows.now) == password_reset::Status::Pending;
        if user.status() != user::Status::Active {
            assert_eq!(
                of_user.filter(|link| is_open(link)).count(),
                0,
                "{}",
                user.email
            );
        }
    }
}

/// One that has expired leaves with the next clean-up.
fn links_leave_the_queue_with_their_purpose(rows: &Rows) {
    for email in rows
        .emails
        .iter()
        .filter(|email| email.secret_link.is_some())
    {
        let invitation = email.invitation_id.and_then(|id| {
            let status = |link: &invitation::Model| link.status(rows.now);
            rows.invitations
                .iter()
                .find(|link| link.id == id)
                .map(status)
        });
        let reset = email.password_reset_id.and_then(|id| {
            let status = |link: &password_reset::Model| link.status(rows.now);
            rows.resets.iter().find(|link| link.id == id).map(status)
        });
        let serves = match (invitation, reset) {
            (Some(status), None) => {
                matches!(
                    status,
                    invitation::Status::Pending | invitation::Status::Expired
                )
            }
            (None, Some(status)) => {
                let may_be_sent = email.status != email::Status::Sent;
                use password_reset::Status::{Expired, Pending};
                may_be_sent && matches!(status, Pending | Expired)
            }
            _ => false,
        };
        assert!(
            serves,
            "the {} e-mail to {} keeps its link",
            email.kind, email.recipients
        );
    }
}

fn attempts_match(rows: &Rows, email: &email::Model) {
    let mut attempts: Vec<_> = rows
        .attempts
        .iter()
        .filter(|attempt| attempt.email_id == email.id)
        .collect();
    attempts.sort_by_key(|attempt| (attempt.started_at, attempt.finished_at));
    let told = format!("{:?} with {:?}", email.status, attempts);
    let succeeded = attempts
        .iter()
        .filter(|attempt| attempt.outcome == Some(Outcome::Delivered))
        .count();
    assert_eq!(
        succeeded,
        usize::from(email.status == email::Status::Sent),
        "{told}"
    );
    assert!(
        attempts.iter().all(|attempt| attempt.finished_at.is_some()),
        "{told}"
    );
    let counted = usize::try_from(email.attempt_count).unwrap();
    assert!(
        counted <= attempts.len(),
        "{counted} attempts are counted: {told}"
    );
    let is_sent = email.sent_at != entity::TimeOrNever::NEVER;
    assert_eq!(is_sent, email.status == email::Status::Sent, "{told}");
    let waits = email.next_attempt_at != entity::TimeOrNever::NEVER;
    assert_eq!(waits, email.status == email::Status::Queued, "{told}");
    assert!(
        email.claim_id.is_none() && email.lease_until.is_none(),
        "{told}"
    );
    if email.status == email::Status::Failed {
        assert!(email.last_error.is_some() && !attempts.is_empty(), "{told}");
    }
}

/// Nobody came by more than one of those had who acted.
pub fn nobody_gained_more(before: &Rows, after: &Rows, actors: &[BTreeSet<&str>]) {
    let gains = |had: BTreeSet<&str>, has: BTreeSet<&str>, who: &str| {
        let mut gained = has;
        gained.retain(|permission| !had.contains(permission));
        let is_right = gained.is_empty() || actors.iter().any(|actor| gained.is_subset(actor));
        assert!(
            is_right,
            "{who} gained {gained:?} by those who have {actors:?}"
        );
    };
    for user in &after.users {
        gains(
            before.rights_of(user.id),
            after.rights_of(user.id),
            &user.email,
        );
    }
    for role in &after.roles {
        let had = before.roles.iter().find(|before| before.id == role.id);
        let had = had
            .map(|role| before.permissions_of(role))
            .unwrap_or_default();
        gains(had, after.permissions_of(role), &role.code_name);
    }
}
