//! What shall be so: what each mutation does to the world, or why it is refused.

use std::collections::BTreeSet;

use entity::email::Status;

use crate::mutation::{Access, Chosen, Link, Mutation};
use crate::world::{ADDRESSES, News, Password, Rights, Role, User, World};

/// Somebody who asks for something.
#[derive(Clone, Debug)]
pub struct Act {
    /// Which browser they do it in.
    pub browser: usize,
    pub mutation: Mutation,
}

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The code of the whole request's error.
    Request(String),
    /// Code and field of each user error; places in lists are left out, and a link that has expired is as
    /// invalid as any other.
    Input(BTreeSet<String>),
}

/// Whether it is done.
pub type Verdict = Result<(), Refusal>;

/// Whom and what an act means, as indices of a world's before its step: places that stay the same
/// whatever others do meanwhile.
#[derive(Clone, Debug)]
pub struct Meant {
    /// The session of whoever acts.
    own: Option<usize>,
    /// What they may do before the step.
    rights: Rights,
    target: Option<usize>,
    session: Option<usize>,
    roles: Vec<Option<usize>>,
    /// A user, and the link that they were sent.
    link: Option<(usize, u32)>,
    /// The state of each e-mail that was chosen, and whether it still serves and is due.
    emails: Option<Vec<Mail>>,
    /// The same change to one after the other, and what each means.
    each: Vec<(Act, Meant)>,
}

/// An e-mail as it was found after the step before.
#[derive(Clone, Copy, Debug)]
pub struct Mail {
    pub status: Status,
    pub has_ended: bool,
    pub is_due: bool,
}

/// What the model has to be told, since it does not know the queue.
pub trait Queue {
    /// The newest e-mail, or one before it.
    fn nth(&self, nth: usize) -> Option<Mail>;
    fn all(&self) -> Vec<Mail>;
    /// Whether anybody has seen the token of a working link.
    fn is_link_known(&self, address: usize, is_invitation: bool) -> bool;
}

fn request(code: &str) -> Verdict {
    Err(Refusal::Request(code.to_owned()))
}

fn input(code: &str, field: &str) -> Verdict {
    Err(Refusal::Input(BTreeSet::from([format!("{code} {field}")])))
}

impl World {
    /// Whom and what an act means now.
    pub fn meant(&self, act: &Act, queue: &impl Queue) -> Meant {
        use Mutation::{
            AcceptInvitation, ActivateUser, CancelEmails, CreateRole, DeactivateUser, DeleteEmails,
            DeleteRole, DeleteUser, Each, EndUserSessions, InviteUser, RequestPasswordReset,
            ResendInvitation, ResetPassword, RetryEmails, RevokeInvitation, RevokeSession,
            SendPasswordReset, UpdateRole, UpdateUser,
        };
        let own = self.session_in(act.browser);
        let mut meant = Meant {
            own,
            rights: own
                .map(|own| self.rights_of(self.sessions[own].user))
                .unwrap_or_default(),
            target: None,
            session: None,
            roles: Vec::new(),
            link: None,
            emails: None,
            each: Vec::new(),
        };
        match &act.mutation {
            Each(change, users) => {
                let one = |user: &usize| {
                    let mutation = change.to(*user);
                    let act = Act { mutation, ..*act };
                    let meant = self.meant(&act, queue);
                    (act, meant)
                };
                meant.each = users.iter().map(one).collect();
            }
            EndUserSessions { address, only } => {
                meant.target = self.user_at(*address);
                meant.session = only.and_then(|browser| self.session_in(browser));
            }
            ActivateUser(user)
            | DeactivateUser(user)
            | DeleteUser(user)
            | ResendInvitation(user)
            | RevokeInvitation(user)
            | SendPasswordReset(user)
            | RequestPasswordReset(user) => meant.target = self.user_at(*user),
            UpdateUser { address, roles, .. } => {
                meant.target = self.user_at(*address);
                let roles = roles.iter().flatten();
                meant.roles = roles.map(|role| self.role_called(*role)).collect();
            }
            InviteUser { roles, .. } => {
                meant.roles = roles.iter().map(|role| self.role_called(*role)).collect();
            }
            CreateRole { role, .. } | DeleteRole { role, .. } | UpdateRole { role, .. } => {
                meant.roles = vec![self.role_called(*role)];
            }
            RevokeSession(browser) => meant.session = self.session_in(*browser),
            AcceptInvitation {
                link: Link::Of(address),
                ..
            } if queue.is_link_known(*address, true) => {
                meant.link = self.user_at(*address).and_then(|user| {
                    let invited = &self.users[user];
                    invited.invitation.map(|link| (user, link))
                });
            }
            ResetPassword {
                link: Link::Of(address),
                ..
            } if queue.is_link_known(*address, false) => {
                meant.link = self
                    .user_at(*address)
                    .and_then(|user| self.users[user].resets.first().map(|link| (user, *link)));
            }
            CancelEmails(chosen) | DeleteEmails(chosen) | RetryEmails(chosen) => {
                meant.emails = match chosen {
                    Chosen::One(nth) => queue.nth(*nth).map(|mail| vec![mail]),
                    Chosen::All => Some(queue.all()),
                };
            }
            _ => {}
        }
        meant
    }

    /// Does it, or says why not. In a world that says no, nothing has changed, but for those of many to whom
    /// it could be done.
    pub fn perform(&mut self, act: &Act, meant: &Meant) -> Verdict {
        if let Mutation::Each(change, _) = &act.mutation {
            return self.perform_each(change.list(), meant);
        }
        let before = self.clone();
        let verdict = self.try_to(act, meant);
        if verdict.is_err() {
            *self = before;
        }
        verdict
    }

    /// Does it to one after the other; the errors name the list.
    fn perform_each(&mut self, list: &str, meant: &Meant) -> Verdict {
        let mut errors = BTreeSet::new();
        for (act, meant) in &meant.each {
            match self.perform(act, meant) {
                Ok(()) => {}
                Err(Refusal::Input(of_one)) => {
                    let codes = of_one.iter().filter_map(|error| error.split(' ').next());
                    errors.extend(codes.map(|code| format!("{code} {list}")));
                }
                refused => return refused,
            }
        }
        refuse_for(errors)
    }

    /// Whether whoever acts has lost a right since the step began: then they may be refused for that
    /// alone, since it might be the one that was required.
    pub fn has_lost_rights(&self, meant: &Meant) -> bool {
        self.own(meant)
            .is_some_and(|own| !self.rights_of(own).cover(&meant.rights))
    }

    /// Whether the session of whoever acts is over.
    pub fn is_signed_out(&self, meant: &Meant) -> bool {
        self.own(meant).is_none()
    }

    fn own(&self, meant: &Meant) -> Option<usize> {
        let session = &self.sessions[meant.own?];
        let user = &self.users[session.user];
        (!session.is_over && user.is_active()).then_some(session.user)
    }

    fn try_to(&mut self, act: &Act, meant: &Meant) -> Verdict {
        let own = self.own(meant);
        match (act.mutation.field().1, own) {
            (Access::Public, _) => {}
            (_, None) => return request("UNAUTHENTICATED"),
            (Access::Requires(permission), Some(own)) if !self.rights_of(own).allow(permission) => {
                return request("FORBIDDEN");
            }
            _ => {}
        }
        match &act.mutation {
            Mutation::SignIn { .. }
            | Mutation::AcceptInvitation { .. }
            | Mutation::ResetPassword { .. }
            | Mutation::RequestPasswordReset(_)
            | Mutation::SignOut => self.as_anybody(act, meant, own),
            _ => match own {
                Some(own) => self.as_user(act, meant, own),
                None => request("UNAUTHENTICATED"),
            },
        }
    }

    fn as_anybody(&mut self, act: &Act, meant: &Meant, own: Option<usize>) -> Verdict {
        match &act.mutation {
            Mutation::SignIn { address, password } => {
                let user = self.user_at(*address).filter(|user| {
                    let user = &self.users[*user];
                    user.is_active() && user.password == Password::Chosen(*password)
                });
                let Some(user) = user else {
                    return input("INVALID_CREDENTIALS", "");
                };
                self.begin_session(user, act.browser);
                self.record("session.began", Some(user));
            }
            Mutation::AcceptInvitation { password, .. } => {
                let link = meant.link.filter(|(user, link)| {
                    let user = &self.users[*user];
                    user.is_invited() && user.invitation == Some(*link)
                });
                let Some((user, _)) = link else {
                    return input("TOKEN_INVALID", "token");
                };
                self.users[user].invitation = None;
                self.users[user].password = Password::Chosen(*password);
                self.begin_session(user, act.browser);
                self.record("invitation.accepted", Some(user));
                self.record("session.began", Some(user));
            }
            Mutation::ResetPassword { password, .. } => {
                let link = meant.link.filter(|(user, link)| {
                    let user = &self.users[*user];
                    user.is_active() && user.resets.contains(link)
                });
                let Some((user, _)) = link else {
                    return input("TOKEN_INVALID", "token");
                };
                self.users[user].resets.clear();
                self.users[user].password = Password::Chosen(*password);
                self.record("password-reset.completed", own);
                self.end_sessions(user, None);
                self.mail("password-changed", user);
            }
            Mutation::RequestPasswordReset(address) => {
                self.record("password-reset.requested", None);
                if let Some(user) = self.user_at(*address)
                    && self.may_request_reset(user)
                {
                    self.send_reset(user, "password-reset");
                }
            }
            // Who is signed out already has nothing to do.
            _ => {
                if let (Some(session), Some(own)) = (meant.own, own) {
                    self.record("session.ended", Some(own));
                    self.sessions[session].is_over = true;
                }
            }
        }
        Ok(())
    }

    fn as_user(&mut self, act: &Act, meant: &Meant, own: usize) -> Verdict {
        match &act.mutation {
            Mutation::ActivateUser(_) => {
                let user = self.target(meant, own, "id", false)?;
                if self.users[user].is_deactivated {
                    self.users[user].is_deactivated = false;
                    self.record("user.activated", Some(own));
                }
            }
            Mutation::DeactivateUser(_) => {
                let user = self.target(meant, own, "id", true)?;
                if !self.users[user].is_deactivated {
                    self.must_leave_an_administrator(user)?;
                    self.record("user.deactivated", Some(own));
                    self.end_sessions(user, None);
                    self.end_links(user);
                    self.users[user].is_deactivated = true;
                }
            }
            Mutation::DeleteUser(_) => {
                let user = self.target(meant, own, "id", true)?;
                self.must_leave_an_administrator(user)?;
                self.record("user.deleted", Some(own));
                self.end_sessions(user, None);
                self.end_links(user);
                self.users[user].is_gone = true;
            }
            Mutation::EndUserSessions { only, .. } => {
                let user = self.target(meant, own, "userId", true)?;
                self.must(self.users[user].is_active(), "userId")?;
                let is_done = match only {
                    None => self.end_sessions(user, None),
                    Some(_) => self.end_session(meant.session, user),
                };
                if is_done {
                    self.record("user.sessions-ended", Some(own));
                }
            }
            Mutation::SendPasswordReset(_) => {
                let user = self.target(meant, own, "userId", false)?;
                self.must(self.users[user].is_active(), "userId")?;
                self.record("password-reset.requested", Some(own));
                self.send_reset(user, "password-reset");
            }
            Mutation::ResendInvitation(_) => {
                let user = self.target(meant, own, "userId", false)?;
                self.must(self.users[user].is_invited(), "userId")?;
                self.record("invitation.resent", Some(own));
                self.invite(user);
            }
            Mutation::RevokeInvitation(_) => {
                let user = self.target(meant, own, "userId", false)?;
                let is_open = self.users[user].invitation.is_some();
                self.must(self.users[user].is_invited() && is_open, "userId")?;
                self.record("invitation.revoked", Some(own));
                self.users[user].invitation = None;
            }
            Mutation::InviteUser { address, .. } => self.invite_user(*address, meant, own)?,
            Mutation::UpdateUser { .. } => self.update_user(&act.mutation, meant, own)?,
            Mutation::UpdateProfile { name } => {
                if self.users[own].name != *name {
                    self.users[own].name = *name;
                    self.record("profile.updated", Some(own));
                }
            }
            Mutation::ChangePassword { current, new } => {
                if self.users[own].password != Password::Chosen(*current) {
                    return input("INVALID_CREDENTIALS", "currentPassword");
                }
                if current == new {
                    return input("PASSWORD_UNCHANGED", "newPassword");
                }
                self.users[own].password = Password::Chosen(*new);
                self.users[own].resets.clear();
                self.end_sessions(own, meant.own);
                self.record("password.changed", Some(own));
                self.mail("password-changed", own);
            }
            Mutation::RevokeSession(_) => {
                if self.end_session(meant.session, own) {
                    self.record("session.revoked", Some(own));
                }
            }
            Mutation::RevokeOtherSessions => {
                if self.end_sessions(own, meant.own) {
                    self.record("session.revoked", Some(own));
                }
            }
            Mutation::CreateRole { role, grants } => self.create_role(*role, *grants, own)?,
            Mutation::UpdateRole { name, grants, .. } => {
                self.update_role(*name, *grants, meant, own)?;
            }
            Mutation::DeleteRole { force, .. } => self.delete_role(*force, meant, own)?,
            Mutation::PauseEmailQueue => {
                if !std::mem::replace(&mut self.is_paused, true) {
                    self.record("email-queue.paused", Some(own));
                }
            }
            Mutation::ResumeEmailQueue => {
                if std::mem::replace(&mut self.is_paused, false) {
                    self.record("email-queue.resumed", Some(own));
                }
            }
            Mutation::SendTestEmail(to) => {
                self.record("email.test-queued", Some(own));
                self.news
                    .push(News::Mail("test".to_owned(), ADDRESSES[*to].to_owned()));
            }
            Mutation::CancelEmails(chosen) => {
                let states = [Status::Queued, Status::Failed];
                let possible = |mail: &Mail| states.contains(&mail.status);
                self.with_emails(chosen, meant, "emails.cancelled", own, possible, |_| false)?;
            }
            Mutation::DeleteEmails(chosen) => {
                let possible = |mail: &Mail| mail.status != Status::Sending;
                self.with_emails(chosen, meant, "emails.deleted", own, possible, |_| false)?;
            }
            Mutation::RetryEmails(chosen) => {
                let states = [Status::Queued, Status::Failed, Status::Cancelled];
                let possible = |mail: &Mail| states.contains(&mail.status) && !mail.has_ended;
                let is_done = |mail: &Mail| mail.status == Status::Queued && mail.is_due;
                self.with_emails(chosen, meant, "emails.retried", own, possible, is_done)?;
            }
            Mutation::SignIn { .. }
            | Mutation::AcceptInvitation { .. }
            | Mutation::ResetPassword { .. }
            | Mutation::RequestPasswordReset(_)
            | Mutation::SignOut
            | Mutation::Each(..) => {}
        }
        Ok(())
    }

    /// Ends a session of that user, and says whether it was one: one that has ended need not be ended any more,
    /// and somebody else's is left alone.
    fn end_session(&mut self, session: Option<usize>, user: usize) -> bool {
        let is_theirs = |session: &usize| {
            let session = &self.sessions[*session];
            session.user == user && !session.is_over
        };
        let session = session.filter(is_theirs);
        if let Some(session) = session {
            self.sessions[session].is_over = true;
        }
        session.is_some()
    }

    /// The user who is meant, if whoever acts may do anything to them.
    fn target(
        &self,
        meant: &Meant,
        own: usize,
        field: &str,
        is_never_own: bool,
    ) -> Result<usize, Refusal> {
        let Some(user) = meant.target.filter(|user| !self.users[*user].is_gone) else {
            input("NOT_FOUND", field)?;
            return Ok(own);
        };
        if is_never_own && user == own {
            input("OWN_ACCOUNT", field)?;
        }
        if !self.rights_of(own).cover(&self.rights_of(user)) {
            input("EXCEEDS_OWN_PERMISSIONS", field)?;
        }
        Ok(user)
    }

    fn must(&self, is_right: bool, field: &str) -> Verdict {
        if is_right {
            Ok(())
        } else {
            input("WRONG_STATE", field)
        }
    }

    fn must_leave_an_administrator(&self, user: usize) -> Verdict {
        if self.would_lose_administrator(user) {
            return input("LAST_ADMINISTRATOR", "id");
        }
        Ok(())
    }

    fn record(&mut self, action: &str, by: Option<usize>) {
        let by = by.map_or("anonymous", |user| ADDRESSES[self.users[user].address]);
        self.news
            .push(News::Event(action.to_owned(), by.to_owned()));
    }

    /// Why these roles cannot be granted, and those that can.
    fn grantable(&self, meant: &Meant, own: usize) -> (BTreeSet<String>, BTreeSet<usize>) {
        let mut errors = BTreeSet::new();
        let mut granted = BTreeSet::new();
        if meant.roles.is_empty() {
            errors.insert("REQUIRED roleIds".to_owned());
        }
        for role in &meant.roles {
            match role.filter(|role| !self.roles[*role].is_gone) {
                None => {
                    errors.insert("NOT_FOUND roleIds".to_owned());
                }
                Some(role) if !self.rights_of(own).cover(&self.rights_of_role(role)) => {
                    errors.insert("EXCEEDS_OWN_PERMISSIONS roleIds".to_owned());
                }
                Some(role) => {
                    granted.insert(role);
                }
            }
        }
        (errors, granted)
    }

    fn invite_user(&mut self, address: usize, meant: &Meant, own: usize) -> Verdict {
        let (mut errors, roles) = self.grantable(meant, own);
        if self.user_at(address).is_some() {
            errors.insert("TAKEN email".to_owned());
        }
        refuse_for(errors)?;
        self.users.push(User {
            address,
            name: 0,
            password: Password::None,
            is_deactivated: false,
            roles,
            invitation: None,
            resets: Vec::new(),
            is_gone: false,
        });
        self.record("user.invited", Some(own));
        self.invite(self.users.len() - 1);
        Ok(())
    }

    fn update_user(&mut self, mutation: &Mutation, meant: &Meant, own: usize) -> Verdict {
        let Mutation::UpdateUser {
            to, name, roles, ..
        } = mutation
        else {
            return Ok(());
        };
        let user = self.target(meant, own, "id", roles.is_some())?;
        let before = self.users[user].clone();
        let rights = self.rights_of(user);
        let address = to.unwrap_or(before.address);
        let is_moved = address != before.address;
        let mut errors = BTreeSet::new();
        let mut after = before.roles.clone();
        if roles.is_some() {
            (errors, after) = self.grantable(meant, own);
        }
        if self.user_at(address).is_some_and(|other| other != user) {
            errors.insert("TAKEN email".to_owned());
        }
        if is_moved && user == own {
            errors.insert("OWN_ACCOUNT email".to_owned());
        }
        refuse_for(errors)?;
        if roles.is_some() && !after.contains(&0) {
            self.must_leave_an_administrator(user)?;
        }

        if is_moved {
            self.end_links(user);
            if before.password != Password::None {
                self.mail("email-changed", user);
            }
        }
        self.users[user].address = address;
        self.users[user].name = name.unwrap_or(before.name);
        self.users[user].roles = after;
        if self.users[user] != before && !self.differs_by_links_alone(user, &before) {
            self.record("user.updated", Some(own));
        }
        if is_moved && before.password != Password::None {
            self.end_sessions(user, None);
            self.users[user].password = Password::Void;
            if self.users[user].is_active() {
                self.record("password-reset.requested", Some(own));
                self.send_reset(user, "password-required");
            }
        }
        if !rights.cover(&self.rights_of(user)) {
            self.renew_invitation(user, own);
        }
        Ok(())
    }

    fn differs_by_links_alone(&self, user: usize, before: &User) -> bool {
        let now = &self.users[user];
        (now.address, now.name, &now.roles) == (before.address, before.name, &before.roles)
    }

    /// Whoever was shown the link could grant all that it was worth, and must not come by more.
    fn renew_invitation(&mut self, user: usize, own: usize) {
        if self.users[user].is_invited() && self.users[user].invitation.is_some() {
            self.record("invitation.resent", Some(own));
            self.invite(user);
        }
    }

    fn create_role(&mut self, code: usize, grants: usize, own: usize) -> Verdict {
        let role = Role {
            code,
            name: 0,
            grants: Some(grants),
            is_gone: false,
        };
        self.must_have_all_of(&role, own)?;
        if self.role_called(code).is_some() {
            return input("TAKEN", "codeName");
        }
        self.roles.push(role);
        self.record("role.created", Some(own));
        Ok(())
    }

    fn must_have_all_of(&self, role: &Role, own: usize) -> Verdict {
        let granted = Rights {
            are_unlimited: false,
            permissions: role.grants.map_or_else(BTreeSet::new, |grants| {
                crate::world::GRANTS[grants].iter().copied().collect()
            }),
        };
        if self.rights_of(own).cover(&granted) {
            return Ok(());
        }
        input("EXCEEDS_OWN_PERMISSIONS", "permissions")
    }

    /// The role that is meant, if whoever acts may change it.
    fn role(&self, meant: &Meant, own: usize) -> Result<usize, Refusal> {
        let there = meant.roles.first().copied().flatten();
        let Some(role) = there.filter(|role| !self.roles[*role].is_gone) else {
            input("NOT_FOUND", "id")?;
            return Ok(0);
        };
        if self.roles[role].grants.is_none() {
            input("PROTECTED", "id")?;
        }
        if !self.rights_of(own).cover(&self.rights_of_role(role)) {
            input("EXCEEDS_OWN_PERMISSIONS", "id")?;
        }
        Ok(role)
    }

    fn update_role(
        &mut self,
        name: Option<u8>,
        grants: Option<usize>,
        meant: &Meant,
        own: usize,
    ) -> Verdict {
        let role = self.role(meant, own)?;
        let before = self.roles[role].clone();
        let rights = self.rights_of_role(role);
        let after = Role {
            name: name.unwrap_or(before.name),
            grants: grants.or(before.grants),
            ..before.clone()
        };
        if grants.is_some() {
            self.must_have_all_of(&after, own)?;
        }
        if after != before {
            self.record("role.updated", Some(own));
        }
        self.roles[role] = after;
        if !rights.cover(&self.rights_of_role(role)) {
            for user in 0..self.users.len() {
                if self.users[user].roles.contains(&role) {
                    self.renew_invitation(user, own);
                }
            }
        }
        Ok(())
    }

    fn delete_role(&mut self, force: bool, meant: &Meant, own: usize) -> Verdict {
        let role = self.role(meant, own)?;
        let holders = self.users.iter().enumerate();
        let holders = holders.filter(|(_, user)| !user.is_gone && user.roles.contains(&role));
        let holders: Vec<usize> = holders.map(|(index, _)| index).collect();
        if holders.contains(&own) {
            return input("OWN_ACCOUNT", "id");
        }
        let rights = self.rights_of(own);
        if !holders
            .iter()
            .all(|holder| rights.cover(&self.rights_of(*holder)))
        {
            return input("EXCEEDS_OWN_PERMISSIONS", "id");
        }
        self.must(force || holders.is_empty(), "id")?;
        self.record("role.deleted", Some(own));
        for holder in holders {
            self.users[holder].roles.remove(&role);
            self.record("user.updated", Some(own));
        }
        self.roles[role].is_gone = true;
        Ok(())
    }

    /// What is done with e-mails, as they were found: the queue itself is not in the model.
    fn with_emails(
        &mut self,
        chosen: &Chosen,
        meant: &Meant,
        action: &str,
        own: usize,
        possible: impl Fn(&Mail) -> bool,
        is_done: impl Fn(&Mail) -> bool,
    ) -> Verdict {
        let Some(emails) = &meant.emails else {
            return input("NOT_FOUND", "ids");
        };
        if matches!(chosen, Chosen::One(_)) && !emails.iter().all(&possible) {
            return input("WRONG_STATE", "ids");
        }
        if emails.iter().any(|mail| possible(mail) && !is_done(mail)) {
            self.record(action, Some(own));
        }
        Ok(())
    }
}

fn refuse_for(errors: BTreeSet<String>) -> Verdict {
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Refusal::Input(errors))
    }
}
