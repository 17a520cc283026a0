//! A request of somebody who is signed in, and the forms that they post.

use super::stop::Stop;
use super::{Visitor, cookie};
use crate::Console;
use crate::clients::api::{Call, Method, OnBehalf, Refusal, Response};
use crate::session::{self, Session};
use crate::view::{Frame, rows, text};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use chrono::{DateTime, Utc};
use futures_util::future::LocalBoxFuture;
use platform_http::AnyBytes;
use platform_http::edge::request_id;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};

/// Somebody who is signed in asks for something.
#[derive(Clone, Debug)]
pub struct Visit {
    pub console: Console,
    pub session: Session,
    pub query: Form,
    visitor: IpAddr,
    request_id: String,
}

impl FromRequest for Visit {
    type Error = Stop;
    type Future = LocalBoxFuture<'static, Result<Self, Stop>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { visit(&request).await })
    }
}

async fn visit(request: &HttpRequest) -> Result<Visit, Stop> {
    let console = request.app_data::<web::Data<Console>>().ok_or(Stop::Broken)?;
    // Only pages can be asked for once more.
    let page = request.uri().path_and_query().filter(|_| request.method() == actix_web::http::Method::GET);
    let next = page.map_or_else(String::new, ToString::to_string);
    let Some(token) = cookie::of(request) else {
        return Err(Stop::SignIn { next, ended: false });
    };
    let Some(session) = session::find(console, token).await? else {
        return Err(Stop::SignIn { next, ended: true });
    };
    Ok(Visit {
        console: console.get_ref().clone(),
        session,
        query: Form::parse(request.query_string().as_bytes()),
        visitor: visitor(request),
        request_id: request_id(request),
    })
}

/// The address of whoever asks.
pub fn visitor(request: &HttpRequest) -> IpAddr {
    request.extensions().get::<Visitor>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |visitor| visitor.0)
}

impl Visit {
    pub fn now(&self) -> DateTime<Utc> {
        self.console.clock.now()
    }

    /// What pages have around them. `here` is the entry of the menu.
    pub fn frame(&self, here: &'static str) -> Frame<'_> {
        Frame { who: &self.session.who, csrf: &self.session.csrf, here, now: self.now() }
    }

    pub async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, Stop> {
        self.call(Call { method: Method::GET, path, query, body: None, once: None }).await
    }

    /// What is asked for if it is there and may be seen.
    pub async fn get_if_allowed(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Option<Value>, Stop> {
        match self.get(path, query).await {
            Ok(value) => Ok(Some(value)),
            Err(Stop::Refused(refusal)) if matches!(refusal.status, 403 | 404) => Ok(None),
            Err(stop) => Err(stop),
        }
    }

    pub async fn post(&self, path: &[&str], body: Option<&Value>) -> Result<Value, Stop> {
        self.call(Call { method: Method::POST, path, query: &[], body, once: None }).await
    }

    pub async fn call(&self, call: Call<'_>) -> Result<Value, Stop> {
        let answer = self.console.api.call(&self.on_behalf(), call).await;
        self.heard(answer).await
    }

    /// A file, which is still to be read.
    pub async fn download(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Response, Stop> {
        let call = Call { method: Method::GET, path, query, body: None, once: None };
        let answer = self.console.api.download(&self.on_behalf(), call).await;
        self.heard(answer).await
    }

    fn on_behalf(&self) -> OnBehalf<'_> {
        OnBehalf { key: &self.session.key, visitor: self.visitor, request_id: &self.request_id }
    }

    async fn heard<T>(&self, answer: Result<T, Refusal>) -> Result<T, Stop> {
        match answer {
            Err(refusal) if refusal.status == 401 => {
                // The key was revoked, or has expired: nothing of the session is worth keeping.
                session::end(&self.console, &self.session).await?;
                Err(Stop::SignIn { next: String::new(), ended: true })
            }
            answer => Ok(answer?),
        }
    }

    /// Where deliveries and events are asked for: of the organisation in question, or for an administrator who
    /// names none, of all.
    pub fn below<'v>(&'v self, own: &'v str, rest: &[&'v str]) -> Vec<&'v str> {
        let asked = self.query.text("organization");
        let mut path = match asked {
            Some(organization) if self.session.who.admin => vec!["organizations", organization],
            None if self.session.who.admin => vec!["admin"],
            _ => vec!["organizations", own],
        };
        path.extend(rest);
        path
    }

    /// The organisation whose things are looked at: the key's own; for an administrator the chosen one, if any.
    pub fn chosen(&self) -> Option<String> {
        if self.session.who.admin {
            self.query.text("organization").map(str::to_owned)
        } else {
            Some(self.own())
        }
    }

    /// For administrators: the id and slug of each organisation, at most 100.
    pub async fn organizations(&self) -> Result<Vec<(String, String)>, Stop> {
        if !self.session.who.admin {
            return Ok(Vec::new());
        }
        let found = self.get(&["organizations"], &[("limit", "100")]).await?;
        let named = |one| (text(one, "/id").to_owned(), text(one, "/slug").to_owned());
        Ok(rows(&found).iter().map(named).collect())
    }

    /// The id and name of each client that the key sees, at most 100; where it may not ask, of this one alone.
    pub async fn clients(&self, asked: &str) -> Result<Vec<(String, String)>, Stop> {
        let found = self.get_if_allowed(&["api-clients"], &[("limit", "100"), ("sortBy", "name")]).await?;
        let named = |one| (text(one, "/id").to_owned(), text(one, "/name").to_owned());
        let mut clients: Vec<_> = found.iter().flat_map(|found| rows(found).iter().map(named)).collect();
        if !clients.iter().any(|(id, _)| id == asked) {
            clients.insert(0, (asked.to_owned(), asked.to_owned()));
        }
        Ok(clients)
    }

    /// The id of the key's own organisation.
    pub fn own(&self) -> String {
        self.session.who.organization.id.to_string()
    }
}

/// A form that somebody who is signed in has posted, from a page of their session.
#[derive(Clone, Debug)]
pub struct Posted {
    pub visit: Visit,
    pub form: Form,
}

impl FromRequest for Posted {
    type Error = Stop;
    type Future = LocalBoxFuture<'static, Result<Self, Stop>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            let visit = visit(&request).await?;
            let form = read(&request, &mut payload).await?;
            if !form.text("csrf").is_some_and(|token| visit.session.vouches_for(token)) {
                return Err(Stop::Forged);
            }
            Ok(Self { visit, form })
        })
    }
}

/// The body of a request as a form.
pub async fn read(request: &HttpRequest, payload: &mut Payload) -> Result<Form, Stop> {
    let body = AnyBytes::from_request(request, payload).await?;
    if body.media_type.as_deref() != Some("application/x-www-form-urlencoded") {
        return Err(Stop::Malformed("what was sent is no form".to_owned()));
    }
    Ok(Form::parse(&body.bytes))
}

/// Names and values, as a browser sends them; a name may be there several times.
#[derive(Clone, Debug, Default)]
pub struct Form(pub Vec<(String, String)>);

impl Form {
    pub fn parse(bytes: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// The value of a name without the space around it; an empty one counts as absent.
    pub fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(given, value)| given == name && !value.trim().is_empty())?;
        Some(value.trim())
    }

    pub fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        let named = self.0.iter().filter(move |(given, _)| given == name);
        named.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// What the names of a list have, for those that have something.
    pub fn pairs<'f>(&'f self, names: &[&'f str]) -> Vec<(&'f str, &'f str)> {
        names.iter().filter_map(|&name| Some((name, self.text(name)?))).collect()
    }

    /// A list with a word on each line, or between commas.
    pub fn words(&self, name: &str) -> Vec<&str> {
        let text = self.text(name).unwrap_or_default();
        text.split([',', '\n', '\r', ' ']).map(str::trim).filter(|word| !word.is_empty()).collect()
    }

    /// A moment as a browser's field has it, which knows no zones: of UTC.
    pub fn utc(&self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        let without_zone = text.len() == "2026-11-22T18:30".len();
        Some(if without_zone { format!("{text}:00Z") } else { text.to_owned() })
    }

    /// From when to when, as the API takes what is to be recovered.
    pub fn stretch(&self) -> Value {
        let mut stretch = json!({"since": self.utc("since")});
        if let Some(until) = self.utc("until") {
            stretch["until"] = until.into();
        }
        stretch
    }

    /// A number where the text is one, else the text itself, about which the API will complain by name.
    pub fn number(&self, name: &str) -> Option<Value> {
        let text = self.text(name)?;
        let number = serde_json::from_str::<serde_json::Number>(text);
        Some(number.map_or_else(|_| Value::from(text), Value::Number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_a_browser_sends_it() {
        let form = Form::parse(b"id=1&id=2&events=a.b%0D%0A%0D%0Ac.d,e&name=+x+&empty=&n=5&m=five");
        assert_eq!(form.all("id").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(form.words("events"), ["a.b", "c.d", "e"]);
        assert_eq!((form.text("name"), form.text("empty"), form.text("none")), (Some("x"), None, None));
        assert_eq!((form.number("n"), form.number("m")), (Some(5.into()), Some("five".into())));
    }
}
