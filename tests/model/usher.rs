//! The server that is tried: a real one, on a database of its own, and the browsers that use it.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use transports::Failure;
use usher::graphql::ids::encode;

use crate::invariants;
use crate::mutation::{Ids, Link, Mutation};
use crate::rows::Rows;
use crate::rules::{Act, Mail, Queue, Refusal, Verdict};
use crate::sequences::{Mood, Sequences, Step};
use crate::support::{Answer, Client, TestServer, ids};
use crate::world::{ADDRESSES, GRANTS, News, ROLES, World};

/// Nobody is made to wait: how guesses and e-mails are throttled has tests of its own. Invitations outlast
/// every sequence.
const SETTINGS: &[&str] = &[
    "throttle.account_attempts=100000",
    "throttle.account_attempts_in_all=100000",
    "throttle.client_attempts=100000",
    "throttle.emails_per_recipient=100000",
    "throttle.own_changes=100000",
    "invitations.valid_for=300d",
    "mail.queue.poll_interval=100ms",
];

/// How often the rows are looked at while the worker works, which tells when it has sent something.
const ANOTHER_LOOK_AFTER: Duration = Duration::from_millis(20);

const WAIT: Duration = Duration::from_secs(2 * 60 * 60);

/// An ID and a token that nobody has.
const NOBODY: &str = "00000000000000000000000000";

pub struct Usher {
    runtime: Runtime,
    /// Taken by the end.
    server: Option<TestServer>,
    browsers: Vec<Client>,
    /// The tokens of all links that were seen in mails and in the queue, the oldest first.
    links: Vec<String>,
    rows: Rows,
    /// What may be so: more than one world where several people raced, and nothing that can be seen tells
    /// who was first.
    worlds: Vec<World>,
    /// How many steps were taken.
    steps: usize,
}

impl Drop for Usher {
    fn drop(&mut self) {
        let _inside = self.runtime.enter();
        drop(self.server.take());
    }
}

impl StateMachineTest for Usher {
    type SystemUnderTest = Self;
    type Reference = Sequences;

    fn init_test(world: &World) -> Self {
        let mut beginning = world.clone();
        beginning.news.clear();
        let runtime = Runtime::new().unwrap();
        let (server, browsers, rows) = runtime.block_on(begin(world));
        Self {
            runtime,
            server: Some(server),
            browsers,
            links: Vec::new(),
            rows,
            worlds: vec![beginning],
            steps: 0,
        }
    }

    fn apply(mut usher: Self, _: &World, step: Step) -> Self {
        let runtime = usher.runtime.handle().clone();
        runtime.block_on(usher.take(&step));
        usher
    }

    fn check_invariants(state: &Self, _: &<Sequences as ReferenceStateMachine>::State) {
        invariants::check(&state.rows);
        state.runtime.block_on(state.check_by_the_api());
    }
}

/// The administrator, the manager and the plain user, signed in, and a browser for nobody.
async fn begin(world: &World) -> (TestServer, Vec<Client>, Rows) {
    let server = TestServer::start_with(SETTINGS).await;
    let administrator = server.administrator().await;
    let mut browsers = vec![administrator.clone()];
    for index in [1, 2] {
        let permissions = GRANTS[world.roles[index].grants.unwrap()];
        let role = server.role(&administrator, ROLES[index], permissions).await;
        let (_, token) = server.invite(&administrator, ADDRESSES[index], &role).await;
        browsers.push(server.accept(&token).await);
    }
    browsers.push(server.anonymous());
    let rows = settled(&server).await;
    (server, browsers, rows)
}

/// What is there once the worker has done what it can.
async fn settled(server: &TestServer) -> Rows {
    let mut changes = server.server.app.email_changed.subscribe();
    let settle = async {
        loop {
            let rows = Rows::read(&server.server.app).await;
            if rows.are_settled() {
                return rows;
            }
            let _ = timeout(ANOTHER_LOOK_AFTER, changes.recv()).await;
        }
    };
    server.within("the worker to be done", settle).await
}

/// What was seen of a step.
struct Outcome {
    verdicts: Vec<Verdict>,
    news: Vec<News>,
}

impl Usher {
    fn server(&self) -> &TestServer {
        self.server.as_ref().unwrap()
    }

    /// Takes a step, and compares what came of it with all that may come of it.
    async fn take(&mut self, step: &Step) {
        let acts: &[Act] = match step {
            Step::Alone(act) => std::slice::from_ref(act),
            Step::Together(acts) => acts,
            Step::Transport(mood) => {
                self.server().inbox.refuse(match mood {
                    Mood::Takes => None,
                    Mood::RefusesForNow => Some(Failure::Transient),
                    Mood::RefusesForGood => Some(Failure::Permanent),
                });
                &[]
            }
            Step::Wait => {
                self.worlds.iter_mut().for_each(World::wait);
                self.server().advance(WAIT);
                &[]
            }
        };
        self.steps += 1;
        let keys: Vec<String> = (0..acts.len())
            .map(|index| format!("step {}, act {index}", self.steps))
            .collect();
        let asked = acts.iter().zip(&keys).map(|(act, key)| self.ask(act, key));
        let answers = join_all(asked).await;
        let verdicts: Vec<Verdict> = answers.iter().map(verdict).collect();
        // Whoever asks again with the same key is told the same, and what is stored afterwards is as if they had
        // asked once.
        if let ([act], [key], [Ok(())]) = (acts, &keys[..], &verdicts[..])
            && act.mutation.takes_key()
        {
            let again = self.ask(act, key).await;
            assert_eq!(again.body, answers[0].body, "{act:?}");
        }
        let mut after = settled(self.server()).await;
        let actors: Vec<BTreeSet<&str>> = acts
            .iter()
            .filter_map(|act| {
                self.rows
                    .session_by(self.browsers[act.browser].token.as_deref()?)
            })
            .map(|session| self.rows.rights_of(session.user_id))
            .collect();
        invariants::nobody_gained_more(&self.rows, &after, &actors);
        for (act, answer) in acts.iter().zip(&answers) {
            if act.mutation.signs_in()
                && let Some(token) = answer.body["data"]["payload"]["token"].as_str()
            {
                self.browsers[act.browser].token = Some(token.to_owned());
            }
        }
        let news = after.news_since(&self.rows);
        let outcome = Outcome { verdicts, news };
        self.worlds = self.possible_after(acts, &outcome, &after);
        std::mem::swap(&mut self.rows, &mut after);
        self.keep_links().await;
    }

    async fn ask(&self, act: &Act, key: &str) -> Answer {
        let (field, _) = act.mutation.field();
        let selection = match &act.mutation {
            mutation if mutation.signs_in() => "token userErrors { code field }",
            Mutation::Each(..) => "results { userErrors { code field } } userErrors { code field }",
            _ => "userErrors { code field }",
        };
        let (document, variables) = match act.mutation.input(self) {
            Some(mut input) => {
                if act.mutation.takes_key() {
                    input["idempotencyKey"] = json!(key);
                }
                let kind = field[..1].to_uppercase() + &field[1..];
                let document = format!(
                    "mutation($input: {kind}Input!) {{
                        payload: {field}(input: $input) {{ {selection} }}
                    }}"
                );
                (document, json!({ "input": input }))
            }
            None => (
                format!("mutation {{ payload: {field} {{ {selection} }} }}"),
                json!({}),
            ),
        };
        self.browsers[act.browser]
            .run_with(&document, variables)
            .await
    }

    /// The worlds in which everything that was seen can have happened, in one order or another. Panics
    /// if there is none.
    fn possible_after(&self, acts: &[Act], outcome: &Outcome, after: &Rows) -> Vec<World> {
        let tokens: Vec<_> = self
            .browsers
            .iter()
            .map(|browser| browser.token.clone())
            .collect();
        let seen = after.seen(&tokens);
        let mut possible = Vec::new();
        let mut impossible = Vec::new();
        for world in &self.worlds {
            for order in orders(acts.len()) {
                let (mut next, expected) = self.in_order(world, acts, &order, outcome);
                let news = comparable(acts, &next.news);
                next.news.clear();
                if expected == outcome.verdicts
                    && next.seen() == seen
                    && news == comparable(acts, &outcome.news)
                {
                    if !possible.contains(&next) {
                        possible.push(next);
                    }
                } else {
                    let differs = (next.seen() != seen).then(|| next.seen());
                    let differs =
                        differs.map_or("what is seen".to_owned(), |seen| format!("{seen:?}"));
                    impossible.push(format!("{order:?}: {expected:?}, {news:?}, {differs}\n"));
                }
            }
        }
        assert!(
            !possible.is_empty(),
            "{acts:?}\ncame to {:?}\nand left {:?}\nand {seen:?}\n\nNone of these orders foresees it:\n{}",
            outcome.verdicts,
            comparable(acts, &outcome.news),
            impossible.concat(),
        );
        possible
    }

    /// What comes of the acts in that order. Where several people race, some refusals are right though no
    /// order foresees them; what was seen is taken for right then.
    fn in_order(
        &self,
        world: &World,
        acts: &[Act],
        order: &[usize],
        outcome: &Outcome,
    ) -> (World, Vec<Verdict>) {
        let mut next = world.clone();
        next.news.clear();
        let meant: Vec<_> = acts.iter().map(|act| world.meant(act, self)).collect();
        let mut expected = vec![Ok(()); acts.len()];
        for index in order {
            let (act, meant) = (&acts[*index], &meant[*index]);
            let was = &outcome.verdicts[*index];
            let races = acts.len() > 1;
            let is_refused_with = |code: &str| *was == Err(Refusal::Request(code.to_owned()));
            let not_found = Err(Refusal::Input(BTreeSet::from(["NOT_FOUND id".to_owned()])));
            // Any right that was lost meanwhile may be the one that was required.
            let lost = is_refused_with("FORBIDDEN") && next.has_lost_rights(meant);
            // Whoever ended all of these sessions was a little faster.
            let is_over = act.mutation.field().0 == "revokeSession"
                && *was == not_found
                && next.is_signed_out(meant);
            if races && (lost || is_over) {
                expected[*index] = was.clone();
                continue;
            }
            let verdict = next.perform(act, meant);
            let is_request = matches!(verdict, Err(Refusal::Request(_)));
            let was_request = matches!(was, Err(Refusal::Request(_)));
            // What the worker does at the same moment is not foreseen.
            let depends_on_worker = races && act.mutation.is_about_emails();
            expected[*index] = if depends_on_worker && !is_request && !was_request {
                was.clone()
            } else {
                verdict
            };
        }
        (next, expected)
    }

    async fn keep_links(&mut self) {
        let queued = self.rows.emails.iter().rev();
        let mut texts: Vec<String> = queued
            .filter_map(|email| email.secret_link.clone())
            .collect();
        let arrived = self.server().inbox.arrived().await;
        texts.extend(arrived.into_iter().map(|mail| mail.text));
        for text in texts {
            let Some((_, rest)) = text.split_once("token=") else {
                continue;
            };
            let token: String = rest
                .chars()
                .take_while(|letter| !letter.is_whitespace())
                .collect();
            if !self.links.contains(&token) {
                self.links.push(token);
            }
        }
    }

    /// The API says what the rows say: who is signed in, who there is, which links work, and what
    /// anybody could grant.
    async fn check_by_the_api(&self) {
        for browser in &self.browsers {
            let answer = browser.run("{ viewer { email permissions } }").await;
            let viewer = &answer.data()["viewer"];
            let session = browser
                .token
                .as_deref()
                .and_then(|token| self.rows.session_by(token));
            let owner = session.and_then(|session| {
                self.rows
                    .users
                    .iter()
                    .find(|user| user.id == session.user_id)
            });
            let owner = owner.map(|user| user.email.as_str());
            assert_eq!(viewer["email"].as_str(), owner, "whose session it is");
            let permissions = strings(&viewer["permissions"]);
            if permissions.contains("users.view") {
                self.check_users(browser).await;
            }
            if permissions.contains("roles.view") {
                check_grants(browser, &permissions).await;
            }
        }
        for some in self.links.chunks(10) {
            let fields = some.iter().enumerate().map(|(index, token)| {
                format!(
                    "i{index}: invitationByToken(token: \"{token}\") {{ status }}
                     r{index}: passwordResetByToken(token: \"{token}\") {{ status }} "
                )
            });
            let query = format!("{{ {} }}", fields.collect::<String>());
            let answer = self.server().anonymous().run(&query).await;
            for (index, token) in some.iter().enumerate() {
                let works = |field: String| answer.data()[field]["status"] == "PENDING";
                let invites = self.rows.open_invitation(token).is_some();
                assert_eq!(works(format!("i{index}")), invites, "an invitation's link");
                let resets = self.rows.open_reset(token).is_some();
                assert_eq!(works(format!("r{index}")), resets, "a reset's link");
            }
        }
    }

    async fn check_users(&self, browser: &Client) {
        let query = "{ users(first: 100) { nodes { email status roles { codeName } } } }";
        let answer = browser.run(query).await;
        let nodes = answer.data()["users"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), self.rows.users.len());
        for node in nodes {
            let user = self.rows.user_at(node["email"].as_str().unwrap()).unwrap();
            let status = format!("{:?}", user.status()).to_uppercase();
            assert_eq!(node["status"], status);
            let shown = node["roles"].as_array().unwrap().iter();
            let shown: BTreeSet<&str> = shown
                .map(|role| role["codeName"].as_str().unwrap())
                .collect();
            let held = self
                .rows
                .roles_of(user.id)
                .map(|role| role.code_name.as_str());
            assert_eq!(shown, held.collect());
        }
    }

    fn link_that(&self, link: &Link, works: impl Fn(&Rows, &str) -> bool) -> String {
        let found = match link {
            Link::Of(_) => self
                .links
                .iter()
                .rev()
                .find(|token| works(&self.rows, token)),
            Link::Dead(nth) => {
                let dead = |token: &&String| !works(&self.rows, token);
                self.links.iter().rev().filter(dead).nth(*nth)
            }
        };
        found.cloned().unwrap_or_else(|| NOBODY.to_owned())
    }

    fn invites(link: &Link) -> impl Fn(&Rows, &str) -> bool {
        let address = address_of(link);
        move |rows, token| {
            let user = address.map(|address| rows.user_at(address).map(|user| user.id));
            rows.open_invitation(token)
                .is_some_and(|link| user.is_none_or(|user| user == Some(link.user_id)))
        }
    }

    fn resets(link: &Link) -> impl Fn(&Rows, &str) -> bool {
        let address = address_of(link);
        move |rows, token| {
            let user = address.map(|address| rows.user_at(address).map(|user| user.id));
            rows.open_reset(token)
                .is_some_and(|link| user.is_none_or(|user| user == Some(link.user_id)))
        }
    }
}

fn address_of(link: &Link) -> Option<&'static str> {
    match link {
        Link::Of(address) => Some(ADDRESSES[*address]),
        Link::Dead(_) => None,
    }
}

/// Nobody could grant a role that is worth more than they are.
async fn check_grants(browser: &Client, own: &BTreeSet<String>) {
    let query = "{ roles(first: 100) { nodes { permissions viewerCan { assign } } } }";
    let answer = browser.run(query).await;
    for role in answer.data()["roles"]["nodes"].as_array().unwrap() {
        if role["viewerCan"]["assign"] == true {
            let granted = strings(&role["permissions"]);
            assert!(granted.is_subset(own), "{own:?} could grant {granted:?}");
        }
    }
}

fn strings(list: &Value) -> BTreeSet<String> {
    let list = list.as_array().into_iter().flatten();
    list.map(|value| value.as_str().unwrap().to_owned())
        .collect()
}

fn verdict(answer: &Answer) -> Verdict {
    if answer.body.get("errors").is_some() {
        return Err(Refusal::Request(answer.code().to_owned()));
    }
    let results = answer.data()["payload"]["results"].as_array();
    let of_each = results
        .into_iter()
        .flatten()
        .flat_map(|result| ids(&result["userErrors"]));
    let errors: Vec<String> = answer.user_errors().into_iter().chain(of_each).collect();
    if errors.is_empty() {
        return Ok(());
    }
    let errors = errors.iter().map(|error| {
        let (code, field) = error.split_once(' ').unwrap();
        let field = field.strip_prefix("input").unwrap_or(field);
        // Not which one of a list it was.
        let field = field.trim_start_matches('.').split('.').next().unwrap();
        let code = code.replace("TOKEN_EXPIRED", "TOKEN_INVALID");
        format!("{code} {field}")
    });
    Err(Refusal::Input(errors.collect()))
}

/// All orders of so many.
fn orders(count: usize) -> Vec<Vec<usize>> {
    match count {
        0 => vec![vec![]],
        _ => orders(count - 1)
            .into_iter()
            .flat_map(|order| {
                (0..count).map(move |place| {
                    let mut order = order.clone();
                    order.insert(place, count - 1);
                    order
                })
            })
            .collect(),
    }
}

/// News as far as they are foreseen, in an order of their own. Where several people race, events may name
/// whoever acted by an address that they had a moment before; and an e-mail may be deleted before it was
/// seen.
fn comparable(acts: &[Act], news: &[News]) -> Vec<News> {
    let races = acts.len() > 1;
    let touches_emails = races && acts.iter().any(|act| act.mutation.is_about_emails());
    let mut news: Vec<News> = news
        .iter()
        .filter(|news| match news {
            News::Event(action, _) => !(touches_emails && action.starts_with("emails.")),
            News::Mail(..) => !touches_emails,
        })
        .map(|news| match news {
            News::Event(action, _) if races => News::Event(action.clone(), String::new()),
            news => news.clone(),
        })
        .collect();
    news.sort();
    news
}

impl Queue for Usher {
    fn nth(&self, nth: usize) -> Option<Mail> {
        self.rows.emails.get(nth).map(|email| self.rows.mail(email))
    }

    fn all(&self) -> Vec<Mail> {
        self.rows
            .emails
            .iter()
            .map(|email| self.rows.mail(email))
            .collect()
    }

    fn is_link_known(&self, address: usize, is_invitation: bool) -> bool {
        let link = Link::Of(address);
        let token = if is_invitation {
            self.invitation(&link)
        } else {
            self.reset(&link)
        };
        token != NOBODY
    }
}

impl Ids for Usher {
    fn user(&self, address: usize) -> String {
        let found = self.rows.user_at(ADDRESSES[address]);
        found.map_or_else(|| format!("user_{NOBODY}"), |user| encode(user.id).0)
    }

    fn role(&self, code: usize) -> String {
        let found = self.rows.role_called(ROLES[code]);
        found.map_or_else(|| format!("role_{NOBODY}"), |role| encode(role.id).0)
    }

    fn session(&self, browser: usize) -> String {
        let token = self.browsers[browser].token.as_deref();
        let found = token.and_then(|token| self.rows.session_by(token));
        found.map_or_else(
            || format!("session_{NOBODY}"),
            |session| encode(session.id).0,
        )
    }

    fn email(&self, nth: usize) -> String {
        let found = self.rows.emails.get(nth);
        found.map_or_else(|| format!("email_{NOBODY}"), |email| encode(email.id).0)
    }

    fn invitation(&self, link: &Link) -> String {
        self.link_that(link, Self::invites(link))
    }

    fn reset(&self, link: &Link) -> String {
        self.link_that(link, Self::resets(link))
    }
}
