//! A browser as far as the console's tests need one: it keeps the cookie, sends forms, and follows nothing by itself.

use crate::harness::Harness;
use reqwest::header::{LOCATION, SET_COOKIE};
use reqwest::{Client, Response, redirect};

pub struct Browser {
    http: Client,
    url: String,
    pub cookie: Option<String>,
    /// Of the last page that had one.
    pub csrf: String,
}

/// An answer that was read.
pub struct Page {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Page {
    pub fn location(&self) -> &str {
        self.headers.get(LOCATION).map_or("", |location| location.to_str().unwrap())
    }

    /// What stands between two texts.
    pub fn between(&self, before: &str, after: &str) -> &str {
        let (_, rest) =
            self.text.split_once(before).unwrap_or_else(|| panic!("no {before} in {}", self.text));
        rest.split_once(after).unwrap().0
    }
}

impl Browser {
    pub fn new(gateway: &Harness) -> Self {
        let http = Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap();
        Self { http, url: gateway.service.url().to_owned(), cookie: None, csrf: String::new() }
    }

    /// One that has signed in.
    pub async fn signed_in(gateway: &Harness, key: &str) -> Self {
        let mut browser = Self::new(gateway);
        let page = browser.post("/console/sign-in", &[("key", key)]).await;
        assert_eq!((page.status, page.location()), (303, "/console"), "{}", page.text);
        browser.get("/console/session").await;
        assert!(!browser.csrf.is_empty());
        browser
    }

    pub async fn get(&mut self, path: &str) -> Page {
        let request = self.http.get(format!("{}{path}", self.url));
        let request = self.cookie.iter().fold(request, |request, cookie| request.header("cookie", cookie));
        self.read(request.send().await.unwrap()).await
    }

    /// Sends a form as it is.
    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Page {
        let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.http.post(format!("{}{path}", self.url)).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = self.cookie.iter().fold(request, |request, cookie| request.header("cookie", cookie));
        self.read(request.send().await.unwrap()).await
    }

    /// Sends a form of this session.
    pub async fn act(&mut self, path: &str, form: &[(&str, &str)]) -> Page {
        let csrf = self.csrf.clone();
        self.post(path, &[&[("csrf", csrf.as_str())], form].concat()).await
    }

    async fn read(&mut self, response: Response) -> Page {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let page = Page { status, headers, text: response.text().await.unwrap() };
        if let Some(cookie) = page.headers.get(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
        }
        if page.text.contains("name=\"csrf\"") {
            page.between("name=\"csrf\" value=\"", "\"").clone_into(&mut self.csrf);
        }
        page
    }
}
