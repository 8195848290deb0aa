//! A front end: sends documents, and reads answers.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::leaks;
use super::waiting::within;

/// How long a server may be silent: longer than it takes to give a request up.
const SILENCE: Duration = Duration::from_secs(60);

/// Sends requests as somebody.
#[derive(Clone)]
pub struct Client {
    pub http: reqwest::Client,
    pub url: String,
    pub token: Option<String>,
    /// The user's ID, where somebody is signed in.
    pub id: String,
}

impl Client {
    /// Somebody who is not signed in.
    pub fn anonymous(url: String) -> Self {
        let http = reqwest::Client::builder().no_proxy().read_timeout(SILENCE);
        Self {
            http: http.build().unwrap(),
            url,
            token: None,
            id: String::new(),
        }
    }

    /// The same front end with another bearer token.
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// Executes a document without variables.
    pub async fn run(&self, document: &str) -> Answer {
        self.run_with(document, json!({})).await
    }

    /// Executes a document with variables.
    pub async fn run_with(&self, document: &str, variables: Value) -> Answer {
        leaks::note_passwords(&variables);
        let body = json!({ "query": document, "variables": variables });
        let mut request = self.http.post(format!("{}/graphql", self.url)).json(&body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        Answer::read(request.send().await.unwrap()).await
    }

    /// Subscribes by Server-Sent Events.
    pub async fn subscribe(&self, document: &str, variables: Value) -> Events {
        let body = json!({ "query": document, "variables": variables });
        let mut request = self
            .http
            .post(format!("{}/graphql", self.url))
            .header("Accept", "text/event-stream")
            .json(&body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Events {
            response,
            received: String::new(),
        }
    }

    /// Executes a mutation with one input, and returns its payload.
    pub async fn mutate(&self, field: &str, input: Value, selection: &str) -> Value {
        let mut received = field.chars();
        let name: String = received
            .next()
            .into_iter()
            .flat_map(char::to_uppercase)
            .chain(received)
            .collect();
        let document = format!(
            "mutation($input: {name}Input!) {{ payload: {field}(input: $input) {{ {selection} userErrors {{ code field message }} }} }}"
        );
        let answer = self.run_with(&document, json!({ "input": input })).await;
        answer.data()["payload"].clone()
    }
}

/// What a subscription brings.
pub struct Events {
    response: reqwest::Response,
    received: String,
}

/// A part of an event stream.
#[derive(Debug, PartialEq)]
pub enum Event {
    /// An answer.
    Next(Value),
    /// There are no more.
    Complete,
    /// Nothing, to keep the connection alive.
    Comment,
    /// The connection was lost: there may be more elsewhere.
    Lost,
}

impl Events {
    /// The next part; nothing where the server has closed the connection.
    pub async fn part(&mut self) -> Option<Event> {
        loop {
            if let Some((part, rest)) = self.received.split_once("\n\n") {
                let (part, rest) = (part.to_owned(), rest.to_owned());
                self.received = rest;
                return Some(match part.split_once('\n') {
                    Some(("event: next", data)) => {
                        let json = data.strip_prefix("data: ").unwrap();
                        Event::Next(serde_json::from_str(json).unwrap())
                    }
                    Some(("event: complete", "data: ")) => Event::Complete,
                    None if part == ":" => Event::Comment,
                    _ => panic!("{part}"),
                });
            }
            let chunk = within("a part of an event stream", self.response.chunk());
            let bytes = match chunk.await {
                Ok(bytes) => bytes?,
                Err(_) => return Some(Event::Lost),
            };
            self.received.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    /// The answer that comes at once, if one does.
    pub async fn first(&mut self) -> Option<Value> {
        match self.part().await.unwrap() {
            Event::Next(answer) => Some(answer),
            Event::Comment => None,
            other => panic!("{other:?} before anything came"),
        }
    }

    /// The next answer; nothing where there are no more.
    pub async fn next(&mut self) -> Option<Value> {
        within("an event", async {
            loop {
                match self.part().await? {
                    Event::Next(answer) => return Some(answer),
                    Event::Complete | Event::Lost => return None,
                    Event::Comment => {}
                }
            }
        })
        .await
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap<HeaderValue>,
    pub body: Value,
}

impl Answer {
    pub async fn read(response: reqwest::Response) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default(),
        }
    }

    /// The data of an answer without errors.
    #[track_caller]
    pub fn data(&self) -> &Value {
        assert!(self.body.get("errors").is_none(), "{:#}", self.body);
        &self.body["data"]
    }

    /// The codes and fields of a payload's user errors.
    #[track_caller]
    pub fn user_errors(&self) -> Vec<String> {
        ids(&self.data()["payload"]["userErrors"])
    }

    /// The first error's code.
    pub fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"]
            .as_str()
            .unwrap_or_default()
    }

    /// The first error's message.
    pub fn message(&self) -> &str {
        self.body["errors"][0]["message"]
            .as_str()
            .unwrap_or_default()
    }
}

/// Turns `[{code, field, message}]` into `["CODE field.path", …]`.
pub fn ids(user_errors: &Value) -> Vec<String> {
    user_errors
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            let field: Vec<&str> = error["field"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|part| part.as_str().unwrap())
                .collect();
            format!("{} {}", error["code"].as_str().unwrap(), field.join("."))
        })
        .collect()
}
