//! A small model of what shall be so runs beside the real thing: random sequences of mutations by several
//! people, alone and at the same moment, through the API of a real server on a real database. After each
//! step, what came of it is compared with what the model foresees, and what must always be so is checked.
//!
//! The world is in `world`, what mutations do to it in `rules`, what is tried in `sequences`, what holds
//! whatever has happened in `invariants`. What the model does not foresee: how the worker gets on with
//! e-mails that somebody cancels, retries or deletes at the same moment as others do something, and who
//! is throttled. The invariants are checked all the same.
//!
//! `MODEL_SEQUENCES` says how many sequences are tried. One that failed is made as short as it gets, and its
//! seed is kept in `tests/model/regressions.txt`, which is tried first from then on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that finds nothing has failed, and this one is told how long to go on"
)]

#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "tests/it uses the rest")]
mod support;

mod invariants;
mod mutation;
mod rows;
mod rules;
mod sequences;
mod usher;
mod world;

mod model {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use proptest::test_runner::FileFailurePersistence;
    use proptest_state_machine::prop_state_machine;

    use crate::mutation::{Change, Chosen, LEFT_OUT, Link, Mutation};
    use crate::usher::Usher;

    /// As many as a minute allows, and fewer where each needs a database on a server.
    fn sequences() -> u32 {
        match std::env::var("MODEL_SEQUENCES") {
            Ok(number) => number.parse().unwrap(),
            Err(_) if std::env::var("TEST_DATABASE_URL").is_ok() => 10,
            Err(_) => 35,
        }
    }

    fn config() -> ProptestConfig {
        ProptestConfig {
            cases: sequences(),
            failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
                "tests/model/regressions.txt",
            ))),
            max_shrink_iters: 300,
            ..ProptestConfig::default()
        }
    }

    prop_state_machine! {
        #![proptest_config(config())]

        #[test]
        fn usher_does_what_the_model_foresees(sequential 1..40 => Usher);
    }

    /// One of each; a new variant is missed here by the compiler's `match` in `field`, and by nothing else.
    fn one_of_each() -> Vec<Mutation> {
        let link = Link::Of(0);
        vec![
            Mutation::AcceptInvitation {
                link: link.clone(),
                password: 0,
            },
            Mutation::ActivateUser(0),
            Mutation::CancelEmails(Chosen::All),
            Mutation::ChangePassword { current: 0, new: 1 },
            Mutation::CreateRole { role: 0, grants: 0 },
            Mutation::DeactivateUser(0),
            Mutation::DeleteEmails(Chosen::All),
            Mutation::DeleteRole {
                role: 0,
                force: false,
            },
            Mutation::DeleteUser(0),
            Mutation::Each(Change::Activate, vec![0]),
            Mutation::Each(Change::Deactivate, vec![0]),
            Mutation::Each(Change::Delete, vec![0]),
            Mutation::Each(Change::Resend, vec![0]),
            Mutation::Each(Change::Revoke, vec![0]),
            Mutation::EndUserSessions {
                address: 0,
                only: None,
            },
            Mutation::InviteUser {
                address: 0,
                roles: vec![],
            },
            Mutation::PauseEmailQueue,
            Mutation::RequestPasswordReset(0),
            Mutation::ResendInvitation(0),
            Mutation::ResetPassword { link, password: 0 },
            Mutation::ResumeEmailQueue,
            Mutation::RetryEmails(Chosen::All),
            Mutation::RevokeInvitation(0),
            Mutation::RevokeOtherSessions,
            Mutation::RevokeSession(0),
            Mutation::SendPasswordReset(0),
            Mutation::SendTestEmail(0),
            Mutation::SignIn {
                address: 0,
                password: 0,
            },
            Mutation::SignOut,
            Mutation::UpdateProfile { name: 0 },
            Mutation::UpdateRole {
                role: 0,
                name: None,
                grants: None,
            },
            Mutation::UpdateUser {
                address: 0,
                to: None,
                name: None,
                roles: None,
            },
        ]
    }

    /// Whoever adds a mutation adds it to the model, or says why not.
    #[test]
    fn every_mutation_is_in_the_model_or_left_out_for_a_reason() {
        let schema = include_str!("../../schema.graphql");
        let (_, mutations) = schema.split_once("type Mutation {").unwrap();
        let (mutations, _) = mutations.split_once("\n}").unwrap();
        let is_name = |line: &&str| {
            let is_field = line.starts_with("  ") && !line.starts_with("   ");
            is_field && line[2..].starts_with(|letter: char| letter.is_ascii_lowercase())
        };
        // Descriptions stand at the same depth, between quotes of their own.
        let mut is_description = false;
        let mut declared = BTreeSet::new();
        for line in mutations.lines() {
            if line.trim() == "\"\"\"" {
                is_description = !is_description;
            } else if !is_description && is_name(&line) {
                let name = line.trim().split(['(', ':']).next().unwrap();
                declared.insert(name.to_owned());
            }
        }
        let mut known: BTreeSet<String> = one_of_each()
            .iter()
            .map(|mutation| mutation.field().0.to_owned())
            .collect();
        for (name, _) in LEFT_OUT {
            assert!(known.insert((*name).to_owned()), "{name} is in the model");
        }
        assert_eq!(known, declared);
    }
}
