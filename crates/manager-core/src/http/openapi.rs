//! The API's OpenAPI document. What is said of each operation stands above its handler; here is what holds for all of
//! them: how a caller shows who they are, what paths capture, and the shape of an error.

use picloud_shared::{
    api::ErrorBody,
    domains::DomainName,
    ids::InvocationId,
    names::{AppSlug, FilePath, ScriptName, SecretName, TopicName, Username, VarName},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, Content, InfoBuilder, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
        SecurityRequirement,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

const BEARER: &str = "bearer";

/// The document of these operations, with all that they have in common.
pub(super) fn of(operations: OpenApi) -> OpenApi {
    let mut document = operations;
    document.info = InfoBuilder::new()
        .title("PiCloud")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "The control plane of PiCloud. Requests carry a token, `authorization: Bearer pic_…`. An app that the caller \
             has no role in does not exist for them: 404. Times are milliseconds since 1970.",
        ))
        .build();
    document.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
    let components = document.components.get_or_insert_with(Components::new);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("pic_…").build();
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer));
    let mut schemas = vec![(ErrorBody::name().into_owned(), ErrorBody::schema())];
    ErrorBody::schemas(&mut schemas);
    components.schemas.extend(schemas);

    document.paths.paths = document.paths.paths.into_iter().map(|(path, item)| finished(&path, item)).collect();
    document
}

/// A path as OpenAPI writes it, with what its operations have in common.
fn finished(path: &str, mut item: PathItem) -> (String, PathItem) {
    // OpenAPI knows no parameter of several segments: within one, `/` is written `%2F`, which means the same here.
    let path = path.replace("{*", "{");
    let parameters: Vec<RefOr<Parameter>> = captured(&path).map(RefOr::T).collect();
    for operation in operations(&mut item) {
        operation.parameters.get_or_insert_default().splice(0..0, parameters.iter().cloned());
        operation.responses.responses.insert("default".to_owned(), RefOr::T(refused()));
    }
    (path, item)
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

fn refused() -> Response {
    let body = Content::new(Some(Ref::from_schema_name(ErrorBody::name())));
    ResponseBuilder::new()
        .description("Refused, or failed: the status says which, the code why")
        .content("application/json", body)
        .build()
}

/// What a path captures.
fn captured(path: &str) -> impl Iterator<Item = Parameter> {
    let segments: Vec<&str> = path.split('/').collect();
    let named = segments.clone().into_iter().enumerate().filter_map(move |(at, segment)| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        Some((segments.get(at.wrapping_sub(1)).copied().unwrap_or_default().to_owned(), name.to_owned()))
    });
    named.map(|(collection, name)| {
        let (schema, description) = meaning(&collection, &name);
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some(description))
            .schema(Some(schema))
            .build()
    })
}

fn meaning(collection: &str, name: &str) -> (RefOr<Schema>, &'static str) {
    match (collection, name) {
        ("apps", "app") => (AppSlug::schema(), "The app's slug"),
        ("scripts", "name") => (ScriptName::schema(), "The script's name; `/` is written `%2F`"),
        ("vars", "name") => (VarName::schema(), "The variable's name"),
        ("secrets", "name") => (SecretName::schema(), "The secret's name"),
        ("users" | "members", "username") => (Username::schema(), "The user's name"),
        ("topics", "topic") => (TopicName::schema(), "The topic's name"),
        ("domains", "domain") => (DomainName::schema(), "The domain"),
        ("kv", "key") => (String::schema(), "The key; `/` may be written `%2F`"),
        ("files", "path") => (FilePath::schema(), "The file's path; `/` may be written `%2F`"),
        _ => (InvocationId::schema(), "The id"),
    }
}
