//! A browser: somewhere in the world, with the cookie by which its device is known.

use serde_json::{Value, json};

use super::client::Answer;
use super::leaks;
use super::server::{PASSWORD, TestServer};

/// Sends requests from an address, through a proxy that the server must trust: see [`PROXY`].
#[derive(Clone)]
pub struct Browser {
    http: reqwest::Client,
    url: String,
    pub address: String,
    /// `name=value`, once the server has set it.
    pub device: Option<String>,
    /// The page that the requests come from; none for a program.
    pub origin: Option<String>,
}

/// The setting with which a server believes a browser's address.
pub const PROXY: &str = "server.trusted_proxies=[\"127.0.0.1\"]";

impl Browser {
    /// A browser in which nobody has signed in yet.
    pub fn at(server: &TestServer, address: &str) -> Self {
        Self {
            http: server.anonymous().http,
            url: server.url.clone(),
            address: address.to_owned(),
            device: None,
            origin: None,
        }
    }

    /// Executes a mutation with one input, and keeps the device's cookie.
    pub async fn mutate(&mut self, field: &str, input: Value) -> Answer {
        let name = field[..1].to_uppercase() + &field[1..];
        let document = format!(
            "mutation($input: {name}Input!) {{ payload: {field}(input: $input) {{
                userErrors {{ code field message retryAfter }}
            }} }}"
        );
        let variables = json!({ "input": input });
        leaks::note_passwords(&variables);
        let mut request = self
            .http
            .post(format!("{}/graphql", self.url))
            .header("x-forwarded-for", &self.address)
            .json(&json!({ "query": document, "variables": variables }));
        for (name, value) in [("cookie", &self.device), ("origin", &self.origin)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let answer = Answer::read(request.send().await.unwrap()).await;
        let cookies = answer.headers.get_all("set-cookie").iter();
        self.device = cookies
            .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap())
            .find(|cookie| cookie.contains("usher_device="))
            .map(str::to_owned)
            .or(self.device.take());
        answer
    }

    /// Tries to sign in, and returns the errors' codes.
    pub async fn sign_in(&mut self, email: &str, password: &str) -> Vec<String> {
        let input = json!({ "email": email, "password": password });
        self.mutate("signIn", input).await.user_errors()
    }

    /// A browser at this address from which that user has signed in.
    pub async fn of(server: &TestServer, address: &str, email: &str) -> Self {
        let mut browser = Self::at(server, address);
        assert_eq!(browser.sign_in(email, PASSWORD).await, [""; 0]);
        assert!(browser.device.is_some());
        browser
    }
}
