//! Which sequences are tried.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::ReferenceStateMachine;

use crate::mutation::{Change, Chosen, Link, Mutation};
use crate::rules::{Act, Mail, Queue};
use crate::world::{ADDRESSES, BROWSERS, GRANTS, PASSWORDS, Password, ROLES, World};

/// What happens next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Somebody does something.
    Alone(Act),
    /// Several people do something at the same moment, each in another browser.
    Together(Vec<Act>),
    /// From now on, mail servers take mails, or refuse them.
    Transport(Mood),
    /// Two hours go by.
    Wait,
}

#[derive(Clone, Copy, Debug)]
pub enum Mood {
    Takes,
    RefusesForNow,
    RefusesForGood,
}

/// The model as it guides the choice of steps. Where several people race, it takes them one after the
/// other; what is compared with Usher allows for every order.
pub struct Sequences;

impl ReferenceStateMachine for Sequences {
    type State = World;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<World> {
        prop_oneof![2 => Just(5), 1 => Just(7)]
            .prop_map(World::beginning)
            .boxed()
    }

    fn transitions(world: &World) -> BoxedStrategy<Step> {
        let several = (0..BROWSERS, vec(mutation(world), 2..=3)).prop_map(|(first, mutations)| {
            let acts = mutations
                .into_iter()
                .enumerate()
                .map(|(index, mutation)| Act {
                    browser: (first + index) % BROWSERS,
                    mutation,
                });
            Step::Together(acts.collect())
        });
        let mood = select(vec![Mood::Takes, Mood::RefusesForNow, Mood::RefusesForGood]);
        prop_oneof![
            14 => (0..BROWSERS, mutation(world)).prop_map(alone),
            2 => (0..BROWSERS, change_of_many(world)).prop_map(alone),
            5 => several,
            1 => mood.prop_map(Step::Transport),
            1 => Just(Step::Wait),
        ]
        .boxed()
    }

    fn apply(mut world: World, step: &Step) -> World {
        world.news.clear();
        let acts = match step {
            Step::Alone(act) => std::slice::from_ref(act),
            Step::Together(acts) => acts,
            Step::Transport(_) => &[],
            Step::Wait => {
                world.wait();
                &[]
            }
        };
        for act in acts {
            let meant = world.meant(act, &Unknown);
            let _ = world.perform(act, &meant);
        }
        world
    }
}

fn alone((browser, mutation): (usize, Mutation)) -> Step {
    Step::Alone(Act { browser, mutation })
}

/// Never at the same moment as something else, which could happen between one and the next of them.
fn change_of_many(world: &World) -> BoxedStrategy<Mutation> {
    let change = select(vec![
        Change::Activate,
        Change::Deactivate,
        Change::Delete,
        Change::Resend,
        Change::Revoke,
    ]);
    let there = (0..ADDRESSES.len()).filter(|address| world.user_at(*address).is_some());
    let user = prop_oneof![6 => select(there.collect::<Vec<_>>()), 1 => 0..ADDRESSES.len()];
    (change, vec(user, 1..=4))
        .prop_map(|(change, users)| Mutation::Each(change, users))
        .boxed()
}

/// A queue of which nothing is known but that links arrive.
struct Unknown;

impl Queue for Unknown {
    fn nth(&self, _: usize) -> Option<Mail> {
        None
    }

    fn all(&self) -> Vec<Mail> {
        Vec::new()
    }

    fn is_link_known(&self, _: usize, _: bool) -> bool {
        true
    }
}

/// Mostly one that makes sense in that world.
fn mutation(world: &World) -> BoxedStrategy<Mutation> {
    let there: Vec<usize> = (0..ADDRESSES.len())
        .filter(|address| world.user_at(*address).is_some())
        .collect();
    let at = |is_it: &dyn Fn(&crate::world::User) -> bool| {
        let users = world.users.iter();
        let users = users.filter(|user| !user.is_gone && is_it(user));
        let mut found: Vec<usize> = users.map(|user| user.address).collect();
        if found.is_empty() {
            found.push(ADDRESSES.len() - 1);
        }
        found
    };
    let anybody = 0..ADDRESSES.len();
    let user = || prop_oneof![6 => select(there.clone()), 1 => anybody.clone()];
    let invited = at(&|user| user.invitation.is_some());
    let resettable = at(&|user| !user.resets.is_empty());
    let pending = prop_oneof![4 => select(invited.clone()), 1 => user()];
    let link = |of: Vec<usize>| prop_oneof![4 => select(of).prop_map(Link::Of), 1 => (0..4_usize).prop_map(Link::Dead)];
    let password = || 0..PASSWORDS.len();
    let credentials: Vec<(usize, usize)> = world
        .users
        .iter()
        .filter(|user| user.is_active())
        .filter_map(|user| match user.password {
            Password::Chosen(password) => Some((user.address, password)),
            _ => None,
        })
        .chain([(0, 0)])
        .collect();
    let role = || 0..ROLES.len();
    let roles = || vec(role(), 0..=2);
    let chosen = || prop_oneof![3 => (0..6_usize).prop_map(Chosen::One), 1 => Just(Chosen::All)];
    let free = (0..ADDRESSES.len()).filter(|address| !there.contains(address));
    let free: Vec<usize> = free.chain([ADDRESSES.len() - 1]).collect();
    let address = || prop_oneof![3 => select(free.clone()), 1 => anybody.clone()];

    let about_users = prop_oneof![
        2 => user().prop_map(Mutation::ActivateUser),
        3 => user().prop_map(Mutation::DeactivateUser),
        2 => user().prop_map(Mutation::DeleteUser),
        2 => (user(), option::of(0..BROWSERS))
            .prop_map(|(address, only)| Mutation::EndUserSessions { address, only }),
        4 => (address(), roles())
            .prop_map(|(address, roles)| Mutation::InviteUser { address, roles }),
        3 => pending.clone().prop_map(Mutation::ResendInvitation),
        2 => pending.prop_map(Mutation::RevokeInvitation),
        2 => user().prop_map(Mutation::SendPasswordReset),
        3 => (user(), option::of(address()), option::of(0..3_u8), option::of(roles())).prop_map(
            |(address, to, name, roles)| Mutation::UpdateUser { address, to, name, roles }
        ),
    ];
    let about_roles = prop_oneof![
        2 => (role(), 0..GRANTS.len())
            .prop_map(|(role, grants)| Mutation::CreateRole { role, grants }),
        2 => (role(), option::of(0..3_u8), option::of(0..GRANTS.len()))
            .prop_map(|(role, name, grants)| Mutation::UpdateRole { role, name, grants }),
        1 => (role(), any::<bool>())
            .prop_map(|(role, force)| Mutation::DeleteRole { role, force }),
    ];
    let about_emails = prop_oneof![
        chosen().prop_map(Mutation::CancelEmails),
        chosen().prop_map(Mutation::DeleteEmails),
        chosen().prop_map(Mutation::RetryEmails),
        Just(Mutation::PauseEmailQueue),
        Just(Mutation::ResumeEmailQueue),
        anybody.clone().prop_map(Mutation::SendTestEmail),
    ];
    let about_oneself = prop_oneof![
        6 => select(credentials)
            .prop_map(|(address, password)| Mutation::SignIn { address, password }),
        1 => (user(), password())
            .prop_map(|(address, password)| Mutation::SignIn { address, password }),
        4 => (link(invited), password())
            .prop_map(|(link, password)| Mutation::AcceptInvitation { link, password }),
        3 => (link(resettable), password())
            .prop_map(|(link, password)| Mutation::ResetPassword { link, password }),
        2 => user().prop_map(Mutation::RequestPasswordReset),
        2 => (password(), password())
            .prop_map(|(current, new)| Mutation::ChangePassword { current, new }),
        1 => (0..3_u8).prop_map(|name| Mutation::UpdateProfile { name }),
        1 => Just(Mutation::RevokeOtherSessions),
        1 => (0..BROWSERS).prop_map(Mutation::RevokeSession),
        1 => Just(Mutation::SignOut),
    ];
    prop_oneof![
        9 => about_users,
        4 => about_roles,
        3 => about_emails,
        8 => about_oneself,
    ]
    .boxed()
}
