//! The judge against a small document: each rule has a case that breaks it.

use serde_json::{Value, json};

use super::{Discovery, Exchange};

/// An API of shelves and books, in the form of Google's documents.
fn library() -> Discovery {
    let string = json!({"type": "string"});
    let shelf =
        json!({"location": "path", "required": true, "type": "string", "pattern": "[a-z]+"});
    Discovery::new([json!({
        "servicePath": "library/v1/",
        "parameters": {
            "alt": {"location": "query", "type": "string", "enum": ["json", "media"]},
            "fields": {"location": "query", "type": "string"},
            "prettyPrint": {"location": "query", "type": "boolean"},
        },
        "schemas": {
            "Book": {"type": "object", "properties": {
                "name": {"type": "string", "pattern": "[a-z]+",
                         "annotations": {"required": ["library.books.insert"]}},
                "pages": {"type": "string", "format": "int64"},
                "weight": {"type": "integer", "format": "int32"},
                "price": {"type": "number"},
                "lent": {"type": "boolean"},
                "printed": {"type": "string", "format": "google-datetime"},
                "state": {"type": "string", "enum": ["STATE_UNSPECIFIED", "IN", "OUT"]},
                "labels": {"type": "object", "additionalProperties": string},
                "sequel": {"$ref": "Book"},
                "parts": {"type": "array", "items": {"$ref": "Book"}},
                "note": {"type": "any"},
                "detail": {"type": "object", "additionalProperties": {"type": "any"}},
            }},
            "Books": {"type": "object", "properties": {
                "items": {"type": "array", "items": {"$ref": "Book"}}}},
        },
        "resources": {"books": {"methods": {
            "list": {"id": "library.books.list", "httpMethod": "GET",
                "flatPath": "shelves/{shelf}/books", "path": "shelves/{shelf}/books",
                "parameters": {"shelf": shelf,
                    "maxResults": {"location": "query", "type": "integer", "format": "uint32",
                                   "minimum": "1", "maximum": "500"},
                    "part": {"location": "query", "type": "string", "repeated": true},
                    "view": {"location": "query", "type": "string", "enum": ["FULL", "THIN"]}},
                "response": {"$ref": "Books"}},
            "insert": {"id": "library.books.insert", "httpMethod": "POST",
                "flatPath": "shelves/{shelf}/books", "path": "shelves/{shelf}/books",
                "parameters": {"shelf": shelf,
                    "copies": {"location": "query", "type": "integer", "required": true}},
                "request": {"$ref": "Book"}, "response": {"$ref": "Book"}},
            "delete": {"id": "library.books.delete", "httpMethod": "DELETE",
                "flatPath": "shelves/{shelvesId}/books/{booksId}", "path": "{+name}",
                "parameters": {"name": {"location": "path", "type": "string",
                    "pattern": "^shelves/[^/]+/books/[0-9]+$"}}},
            "lend": {"id": "library.books.lend", "httpMethod": "POST",
                "flatPath": "shelves/{shelf}/books/{book}:lend", "path": "shelves/{shelf}/books/{book}:lend",
                "parameters": {}, "response": {"$ref": "Book"}},
        }}},
    })])
}

/// What is said about a call without a body that was not answered.
fn asked(method: &str, path: &str) -> Vec<String> {
    library().check(&Exchange::new(method, path))
}

fn answered(answer: Value) -> Vec<String> {
    let call = Exchange::new("GET", "/library/v1/shelves/a/books").answered(200, answer);
    library().check(&call)
}

#[track_caller]
fn assert_said(said: &[String], parts: &[&str]) {
    let all = said.join("\n");
    assert_eq!(said.len(), parts.len(), "{all}");
    for part in parts {
        assert!(all.contains(part), "{part:?} is not in\n{all}");
    }
}

#[test]
fn paths_and_verbs_are_found_and_unknown_ones_named() {
    let library = library();
    let id = |method: &str, path: &str| library.method(method, path).map(str::to_owned);
    let books = "/library/v1/shelves/a/books";
    assert_eq!(id("GET", books).unwrap(), "library.books.list");
    assert_eq!(id("POST", &format!("{books}/7:lend")).unwrap(), "library.books.lend");
    assert_eq!(id("DELETE", &format!("{books}/7")).unwrap(), "library.books.delete");
    assert_eq!(id("DELETE", &format!("{books}/7:lend")), None);
    assert_eq!(id("GET", "/v1/shelves/a/books"), None);
    assert_said(&asked("PATCH", books), &["known for GET, POST only"]);
    assert_said(&asked("GET", "/library/v1/shelves//books"), &["no document knows this path"]);
}

#[test]
fn parameters_are_known_of_their_type_and_there() {
    let list = |query: &str| asked("GET", &format!("/library/v1/shelves/a/books?{query}"));
    for right in [
        "maxResults=500&part=a&part=b&view=THIN&fields=items(name)&prettyPrint=False",
        "%24alt=json%3Benum-encoding%3Dint&view=",
        "alt=json;enum-encoding=int&$prettyPrint=false",
    ] {
        assert_said(&list(right), &[]);
    }
    for (wrong, said) in [
        ("maxResults=0", "beyond the minimum 1"),
        ("maxResults=501", "beyond the maximum 500"),
        ("maxResults=many", "`many` is not of type uint32"),
        ("view=THICK", "query.view: `THICK` is none of its values"),
        ("view=FULL&view=THIN", "query.view: it is given twice"),
        ("prettyPrint=yes", "`yes` is not of type boolean"),
        ("colour=red", "query.colour: the method has no such parameter"),
        ("alt=xml", "query.alt"),
        ("$alt=xml", "query.$alt"),
        ("fields=%4", "not well encoded"),
    ] {
        assert_said(&list(wrong), &[said]);
    }
    assert_said(
        &asked("GET", "/library/v1/shelves/A1/books"),
        &["shelf: `A1` is not of the pattern"],
    );
    assert_said(&asked("DELETE", "/library/v1/shelves/a/books/b"), &["not of the pattern"]);
    let insert = Exchange::new("POST", "/library/v1/shelves/a/books").sent(json!({"name": "a"}));
    assert_said(&library().check(&insert), &["query.copies: it must be there"]);
}

#[test]
fn answers_hold_known_fields_of_the_right_type() {
    let book = json!({"name": "a", "pages": "12", "weight": 3, "price": 1.5, "lent": false,
        "printed": "2024-04-01T12:34:56.123Z", "state": "IN", "labels": {"x": "y"},
        "sequel": {"parts": [{"name": "b"}]}, "note": [1], "detail": {"a": {"b": 1}}});
    assert_said(&answered(json!({"items": [book]})), &[]);
    for (book, said) in [
        (json!({"title": "a"}), "answer.items[0].title: Book has no such field"),
        (json!({"pages": 12}), "answer.items[0].pages: 12 is not of type string"),
        (json!({"pages": "a few"}), "not of the format int64"),
        (json!({"weight": "3"}), "not of type integer"),
        (json!({"weight": 2_147_483_648_u32}), "no integer of the format int32"),
        (json!({"weight": 1.5}), "no integer"),
        (json!({"lent": "true"}), "not of type boolean"),
        (json!({"price": "1.5"}), "not of type number"),
        (json!({"printed": "yesterday"}), "not of the format google-datetime"),
        (json!({"state": "LOST"}), "`LOST` is none of the enum's values"),
        (json!({"state": 1}), "1 is no name of an enum"),
        (json!({"labels": {"x": 1}}), "answer.items[0].labels.x"),
        (json!({"labels": []}), "not of type object"),
        (json!({"sequel": {"parts": [{}, {"x": 1}]}}), "answer.items[0].sequel.parts[1].x"),
        (json!({"sequel": null}), "null is not of type object"),
        (json!({"name": "A"}), "not of the pattern"),
    ] {
        assert_said(&answered(json!({"items": [book]})), &[said]);
    }
    assert_said(&answered(json!("text")), &["answer: \"text\" is not of type object"]);
}

#[test]
fn enums_are_numbers_where_that_is_asked_for() {
    let ask = |query: &str, state: Value| {
        let call = Exchange::new("GET", &format!("/library/v1/shelves/a/books{query}"));
        library().check(&call.answered(200, json!({"items": [{"state": state}]})))
    };
    let numbers = "?$alt=json;enum-encoding=int";
    assert_said(&ask(numbers, json!(2)), &[]);
    assert_said(&ask(numbers, json!(3)), &["3 is none of the enum's numbers"]);
    assert_said(&ask(numbers, json!("OUT")), &["a name where numbers are asked for"]);
    assert_said(&ask("", json!(2)), &["2 is no name of an enum"]);
}

#[test]
fn requests_hold_what_must_be_there_and_a_body_only_where_one_is_taken() {
    let insert = |body: Value| {
        let path = "/library/v1/shelves/a/books?copies=1";
        library().check(&Exchange::new("POST", path).sent(body))
    };
    assert_said(&insert(json!({"name": "a", "sequel": null})), &["request.sequel.name"; 0]);
    assert_said(&insert(json!({"weight": 1})), &["request.name: it must be there"]);
    let lend = Exchange::new("POST", "/library/v1/shelves/a/books/7:lend");
    assert_said(&library().check(&lend.clone().sent(json!({}))), &["takes no body"]);
    assert_said(&library().check(&lend.answered(200, json!({"name": "a"}))), &[]);
    let delete = Exchange::new("DELETE", "/library/v1/shelves/a/books/7");
    assert_said(&library().check(&delete.clone().answered(200, json!({}))), &[]);
    assert_said(
        &library().check(&delete.answered(200, json!({"name": "a"}))),
        &["answered without a body"],
    );
}

#[test]
fn refusals_have_the_vendors_envelope() {
    let refused = |status: u16, error: Value| {
        let call = Exchange::new("GET", "/library/v1/shelves/a/books");
        library().check(&call.answered(status, json!({"error": error})))
    };
    let one = json!([{"message": "m", "domain": "global", "reason": "notFound"}]);
    for right in [
        json!({"code": 404, "message": "m", "status": "NOT_FOUND"}),
        json!({"code": 404, "message": "m", "errors": one}),
        json!({"code": 404, "message": "m", "errors": one, "status": "NOT_FOUND",
               "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo"}]}),
    ] {
        assert_said(&refused(404, right), &[]);
    }
    for (wrong, said) in [
        (json!({"code": 400, "message": "m", "status": "NOT_FOUND"}), "400 is not the status 404"),
        (json!({"code": 404, "status": "NOT_FOUND"}), "answer.error.message"),
        (json!({"code": 404, "message": "m"}), "neither `status` nor `errors`"),
        (json!({"code": 404, "message": "m", "status": "ABORTED"}), "does not go with 404"),
        (json!({"code": 404, "message": "m", "status": "GONE"}), "is no code"),
        (
            json!({"code": 404, "message": "m", "errors": [{"message": "m", "reason": "r"}]}),
            "domain",
        ),
        (json!({"code": 404, "message": "m", "status": "NOT_FOUND", "details": [{}]}), "@type"),
        (json!({"code": 404, "message": "m", "status": "NOT_FOUND", "hint": "h"}), "hint"),
    ] {
        assert_said(&refused(404, wrong), &[said]);
    }
    let plain = Exchange::new("GET", "/library/v1/shelves/a/books").answered(404, json!("<html>"));
    assert_said(&library().check(&plain), &["a refusal with 404 has no such object"]);
    // A refusal of a bad request is a good answer.
    let bad = Exchange::new("GET", "/library/v1/shelves/a/books?colour=red").answered(
        400,
        json!({"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT"}}),
    );
    assert_said(&library().check(&bad), &["query.colour"]);
    assert_said(&library().check_answer(&bad), &[]);
    assert_said(&library().check_request(&bad), &["query.colour"]);
}

#[test]
fn of_two_documents_the_one_that_fits_judges() {
    let other = |name: &str, field: &str| {
        json!({"schemas": {"One": {"type": "object", "properties": {field: {"type": "string"}}}},
            "methods": {"get": {"id": format!("{name}.get"), "httpMethod": "GET",
                "flatPath": "v1/{id}", "path": "v1/{id}", "response": {"$ref": "One"}}}})
    };
    let both = Discovery::new([other("a", "x"), other("b", "y")]);
    let check = |answer: Value| both.check(&Exchange::new("GET", "/v1/1").answered(200, answer));
    assert_said(&check(json!({"y": "1"})), &[]);
    assert_said(&check(json!({"z": "1"})), &["answer.z"]);
}

#[test]
fn a_log_is_counted_and_each_fault_is_said_once() {
    let line = |body: Value| format!("{body}\n");
    let path = "/library/v1/shelves/a/books";
    let bad = json!({"method": "GET", "path": path, "body": null, "status": 200,
                     "answer": {"items": [{"title": "a"}, {"title": "b"}]}});
    let text = [
        line(json!({"method": "GET", "path": path, "status": 200, "answer": {}})),
        line(bad.clone()),
        line(bad),
        line(json!({"method": "GET", "path": path})),
        "{}\n".to_owned(),
        "{\"method\": \"GET\", \"pa".to_owned(),
    ];
    let log = library().check_lines(&text.concat());
    assert_eq!(log.calls["library.books.list"], 4);
    assert_eq!(log.count(), 4);
    assert_said(&log.violations, &["line 2: GET", "line 5: it is no exchange"]);
}
