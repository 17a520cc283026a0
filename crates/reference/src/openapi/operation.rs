//! Says a document operation by operation, each in one paragraph.
//!
//! What is the same for every operation of a surface (its credential, its headers, what may befall any request) is
//! said once, in a [`Dialect`]. Whether an operation is open is read off the table of routes.

use contracts::Surface;
use contracts::routes::{Access, ROUTES};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn, Paths};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{Components, Object, Schema};
use utoipa::openapi::security::{SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Content, HttpMethod, InfoBuilder, OpenApiBuilder, Ref, RefOr, Required, Response};

/// A body of one media type.
#[derive(Clone)]
pub struct Body {
    media_type: &'static str,
    schema: RefOr<Schema>,
    /// What the schema refers to, itself included.
    named: Vec<(String, RefOr<Schema>)>,
}

/// A JSON body of a named type.
pub fn json<T: ToSchema>() -> Body {
    body::<T>("application/json")
}

/// A body of a named type in another media type.
pub fn body<T: ToSchema>(media_type: &'static str) -> Body {
    let mut named = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut named);
    Body { media_type, schema: Ref::from_schema_name(T::name()).into(), named }
}

/// A body whose schema has no name.
pub fn plain(media_type: &'static str, schema: impl Into<RefOr<Schema>>) -> Body {
    Body { media_type, schema: schema.into(), named: Vec::new() }
}

/// A header of answers.
#[derive(Clone, Copy)]
pub struct Header {
    name: &'static str,
    schema: fn() -> Object,
    about: &'static str,
    always: bool,
}

impl Header {
    /// One that is always there, whether or not the gateway stands before the service.
    pub const fn always(name: &'static str, schema: fn() -> Object, about: &'static str) -> Self {
        Self { name, schema, about, always: true }
    }

    /// One that may be missing, or that the gateway adds.
    pub const fn maybe(name: &'static str, schema: fn() -> Object, about: &'static str) -> Self {
        Self { name, schema, about, always: false }
    }

    /// Its name among the components: one that is always there here may be missing elsewhere.
    fn key(&self) -> String {
        if self.always { self.name.to_owned() } else { format!("{}.optional", self.name) }
    }
}

/// An answer: description, headers of its own, bodies by media type.
#[derive(Clone)]
struct Answer {
    status: u16,
    about: String,
    headers: Vec<Header>,
    bodies: Vec<Body>,
}

/// When a refusal may befall a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum When {
    Always,
    /// Unless the operation is open.
    Authenticated,
    /// When the operation takes a body.
    WithBody,
}

/// What may befall any request of a surface.
#[derive(Clone)]
pub struct Refusal {
    status: u16,
    name: &'static str,
    when: When,
    about: &'static str,
    headers: Vec<Header>,
    body: Option<Body>,
}

impl Refusal {
    /// `name` stands among the document's components.
    pub const fn new(status: u16, name: &'static str, when: When, about: &'static str) -> Self {
        Self { status, name, when, about, headers: Vec::new(), body: None }
    }

    pub const fn status(&self) -> u16 {
        self.status
    }

    #[must_use]
    pub fn with(mut self, header: Header) -> Self {
        self.headers.push(header);
        self
    }

    /// With another body than the dialect's.
    #[must_use]
    pub fn of(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }
}

/// What the operations of a surface have in common.
pub struct Dialect {
    /// The name and kind of its credential.
    pub scheme: (&'static str, SecurityScheme),
    /// The body of a refusal.
    pub error: Body,
    /// What every answer has.
    pub headers: Vec<Header>,
    pub refusals: Vec<Refusal>,
}

/// One operation.
pub struct Operation {
    method: &'static str,
    template: &'static str,
    about: OperationBuilder,
    body: bool,
    named: Vec<(String, RefOr<Schema>)>,
    answers: Vec<Answer>,
    scheme: Option<&'static str>,
    scopes: Vec<String>,
    refused: Vec<(u16, String, Option<Body>)>,
}

/// Begins an operation; `id` is its `operationId`.
pub fn operation(method: &'static str, template: &'static str, tag: &str, id: &str) -> Operation {
    Operation {
        method,
        template,
        about: OperationBuilder::new().tag(tag).operation_id(Some(id)),
        body: false,
        named: Vec::new(),
        answers: Vec::new(),
        scheme: None,
        scopes: Vec::new(),
        refused: Vec::new(),
    }
}

impl Operation {
    /// What it does, in a line.
    #[must_use]
    pub fn summary(mut self, text: &str) -> Self {
        self.about = self.about.summary(Some(text));
        self
    }

    /// What else there is to know.
    #[must_use]
    pub fn about(mut self, text: &str) -> Self {
        self.about = self.about.description(Some(text));
        self
    }

    /// What the credential must hold.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// Another credential than the surface's. [`Document::scheme`] says what it is.
    #[must_use]
    pub const fn credential(mut self, scheme: &'static str) -> Self {
        self.scheme = Some(scheme);
        self
    }

    /// A placeholder of the path.
    #[must_use]
    pub fn path(self, name: &str, schema: impl Into<RefOr<Schema>>, about: &str) -> Self {
        self.parameter(ParameterIn::Path, Required::True, name, schema, about)
    }

    /// A parameter of the query, which may be left out.
    #[must_use]
    pub fn query(self, name: &str, schema: impl Into<RefOr<Schema>>, about: &str) -> Self {
        self.parameter(ParameterIn::Query, Required::False, name, schema, about)
    }

    /// A parameter of the query that must be there.
    #[must_use]
    pub fn required_query(self, name: &str, schema: impl Into<RefOr<Schema>>, about: &str) -> Self {
        self.parameter(ParameterIn::Query, Required::True, name, schema, about)
    }

    /// A header of the request, which may be left out.
    #[must_use]
    pub fn header(self, name: &str, schema: impl Into<RefOr<Schema>>, about: &str) -> Self {
        self.parameter(ParameterIn::Header, Required::False, name, schema, about)
    }

    /// Any parameter.
    #[must_use]
    pub fn parameter(
        mut self,
        place: ParameterIn,
        required: Required,
        name: &str,
        schema: impl Into<RefOr<Schema>>,
        about: &str,
    ) -> Self {
        let parameter = ParameterBuilder::new()
            .parameter_in(place)
            .name(name)
            .required(required)
            .schema(Some(schema))
            .description(Some(about));
        self.about = self.about.parameter(parameter);
        self
    }

    /// The body, in one media type or several; it must be there.
    #[must_use]
    pub fn takes(self, bodies: impl IntoIterator<Item = Body>) -> Self {
        self.takes_body(Required::True, bodies)
    }

    /// The same where the body may be left out.
    #[must_use]
    pub fn may_take(self, bodies: impl IntoIterator<Item = Body>) -> Self {
        self.takes_body(Required::False, bodies)
    }

    fn takes_body(mut self, required: Required, bodies: impl IntoIterator<Item = Body>) -> Self {
        let mut request = RequestBodyBuilder::new().required(Some(required));
        for body in bodies {
            request = request.content(body.media_type, Content::new(Some(body.schema)));
            self.named.extend(body.named);
        }
        self.about = self.about.request_body(Some(request.build()));
        self.body = true;
        self
    }

    /// An answer with its body in one media type or several, or with none.
    #[must_use]
    pub fn answers(mut self, status: u16, about: &str, bodies: impl IntoIterator<Item = Body>) -> Self {
        let bodies = bodies.into_iter().collect();
        self.answers.push(Answer { status, about: about.to_owned(), headers: Vec::new(), bodies });
        self
    }

    /// A header of the answer that was said last.
    #[must_use]
    pub fn with(mut self, header: Header) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.headers.push(header);
        }
        self
    }

    /// An error in the surface's dialect. It takes the place of the general refusal of that status.
    #[must_use]
    pub fn refuses(mut self, status: u16, about: &str) -> Self {
        self.refused.push((status, about.to_owned(), None));
        self
    }

    /// The same with a body other than the dialect's.
    #[must_use]
    pub fn refuses_with(mut self, status: u16, about: &str, body: Body) -> Self {
        self.refused.push((status, about.to_owned(), Some(body)));
        self
    }

    fn is_open(&self, surface: Surface) -> bool {
        let mut of_surface = ROUTES.iter().filter(|route| route.surface == surface);
        let route = of_surface.find(|route| route.method == self.method && route.template == self.template);
        route.is_some_and(|route| route.access == Access::Open) && self.scheme.is_none()
    }

    fn http_method(&self) -> HttpMethod {
        match self.method {
            "POST" => HttpMethod::Post,
            "PUT" => HttpMethod::Put,
            "PATCH" => HttpMethod::Patch,
            "DELETE" => HttpMethod::Delete,
            _ => HttpMethod::Get,
        }
    }
}

/// A document in the making.
pub struct Document {
    surface: Surface,
    dialect: Dialect,
    about: OpenApiBuilder,
    tags: Vec<utoipa::openapi::Tag>,
    paths: Paths,
    components: Components,
    /// Schemas that were written by others, as they are.
    written: Vec<(String, Value)>,
}

impl Document {
    /// Title and description are those of the document.
    pub fn new(surface: Surface, title: &str, about: &str, dialect: Dialect) -> Self {
        let info = InfoBuilder::new().title(title).version("1").description(Some(about)).build();
        let mut components = Components::new();
        let (name, scheme) = dialect.scheme.clone();
        components.add_security_scheme(name, scheme);
        let about = OpenApiBuilder::new().info(info);
        let mut document = Self {
            surface,
            dialect,
            about,
            tags: Vec::new(),
            paths: Paths::new(),
            components,
            written: Vec::new(),
        };
        for refusal in document.dialect.refusals.clone() {
            let answer = Answer {
                status: refusal.status,
                about: refusal.about.to_owned(),
                headers: refusal.headers,
                bodies: vec![refusal.body.unwrap_or_else(|| document.dialect.error.clone())],
            };
            let response = document.response(answer);
            document.components.responses.insert(refusal.name.to_owned(), response.into());
        }
        document
    }

    /// A group of operations.
    #[must_use]
    pub fn tag(mut self, name: &str, about: &str) -> Self {
        self.tags.push(TagBuilder::new().name(name).description(Some(about)).build());
        self
    }

    /// Another credential, of operations that name it.
    #[must_use]
    pub fn scheme(mut self, name: &str, scheme: SecurityScheme) -> Self {
        self.components.add_security_scheme(name, scheme);
        self
    }

    /// Adds schemas that are written as JSON elsewhere. Operations refer to them by name.
    #[must_use]
    pub fn schemas(mut self, schemas: impl IntoIterator<Item = (String, Value)>) -> Self {
        self.written.extend(schemas);
        self
    }

    /// Adds an operation.
    #[must_use]
    pub fn and(mut self, mut operation: Operation) -> Self {
        let open = operation.is_open(self.surface);
        let method = operation.http_method();
        self.components.schemas.extend(std::mem::take(&mut operation.named));
        let mut about = operation.about;
        for refusal in &self.dialect.refusals {
            let applies = match refusal.when {
                When::Always => true,
                When::Authenticated => !open,
                When::WithBody => operation.body,
            };
            if applies {
                about = about.response(refusal.status.to_string(), Ref::from_response_name(refusal.name));
            }
        }
        for (status, text, own) in operation.refused {
            let general = self.dialect.refusals.iter().find(|refusal| refusal.status == status);
            let headers = general.map(|refusal| refusal.headers.clone()).unwrap_or_default();
            let body = own.or_else(|| general.and_then(|refusal| refusal.body.clone()));
            let bodies = vec![body.unwrap_or_else(|| self.dialect.error.clone())];
            let response = self.response(Answer { status, about: text, headers, bodies });
            about = about.response(status.to_string(), response);
        }
        for answer in operation.answers {
            let status = answer.status.to_string();
            let response = self.response(answer);
            about = about.response(status, response);
        }
        let scheme = operation.scheme.unwrap_or(self.dialect.scheme.0);
        about = if open {
            about.securities(Some([]))
        } else {
            about.security(SecurityRequirement::new(scheme, operation.scopes))
        };
        self.paths.add_path_operation(operation.template, vec![method], about);
        self
    }

    fn response(&mut self, answer: Answer) -> Response {
        let mut response = ResponseBuilder::new().description(answer.about);
        for header in self.dialect.headers.iter().chain(&answer.headers) {
            response =
                response.header_ref(header.name, Ref::new(format!("#/components/headers/{}", header.key())));
            self.components.headers.insert(header.key(), component(header).into());
        }
        for body in answer.bodies {
            response = response.content(body.media_type, Content::new(Some(body.schema)));
            self.components.schemas.extend(body.named);
        }
        response.build()
    }

    /// The document as JSON.
    pub fn finish(self) -> serde_json::Result<Value> {
        let document =
            self.about.paths(self.paths).components(Some(self.components)).tags(Some(self.tags)).build();
        let mut document = serde_json::to_value(document)?;
        if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
            schemas.extend(self.written);
        }
        Ok(document)
    }
}

/// utoipa's header cannot say that it is required.
fn component(header: &Header) -> utoipa::openapi::Header {
    let required = header.always.then(|| Extensions::from_iter([("required", true)]));
    HeaderBuilder::new()
        .schema(Some((header.schema)()))
        .description(Some(header.about))
        .extensions(required)
        .build()
}
