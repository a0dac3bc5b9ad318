//! Finding the operation of a call.

use serde_json::Value;

use super::schema::{Side, validate};

/// An OpenAPI document.
pub struct Document {
    root: Value,
}

impl Document {
    pub fn new(root: Value) -> Self {
        Self { root }
    }

    pub fn operations(&self) -> usize {
        let paths = self.root["paths"].as_object().unwrap();
        paths.values().map(|p| p.as_object().unwrap().len()).sum()
    }

    /// Checks one exchange.
    pub fn check(
        &self,
        method: &str,
        path: &str,
        request: Option<&Value>,
        status: u16,
        answer: &Value,
    ) -> Result<(), String> {
        let path = path.split('?').next().unwrap_or(path);
        let Some(item) = self.item(path) else {
            return if status == 404 { Ok(()) } else { Err("no such path".to_owned()) };
        };
        let Some(operation) = item.get(method.to_lowercase()).map(|o| self.resolve(o)) else {
            return if [404, 405].contains(&status) {
                Ok(())
            } else {
                Err("no such operation".to_owned())
            };
        };
        if (200..300).contains(&status)
            && let Some(body) = operation.get("requestBody")
        {
            let body = self.resolve(body);
            match request {
                Some(request) => {
                    let schema = &body["content"]["application/json"]["schema"];
                    validate(&self.root, schema, request, Side::Request, "request")?;
                }
                None if body["required"] == true => return Err("no body".to_owned()),
                None => {}
            }
        }
        let responses = operation["responses"].as_object().unwrap();
        let code = status.to_string();
        let response = match responses.get(&code) {
            Some(response) => response,
            None if status < 400 => return Err(format!("status {status} is not documented")),
            None => responses.get("default").ok_or("no default response")?,
        };
        let response = self.resolve(response);
        let Some(content) = response.get("content") else {
            return if answer.is_null() { Ok(()) } else { Err("must have no body".to_owned()) };
        };
        let schema = &content["application/json"]["schema"];
        validate(&self.root, schema, answer, Side::Answer, "answer")
    }

    /// The path's item; literal segments win over parameters.
    fn item(&self, path: &str) -> Option<&Value> {
        let segments: Vec<&str> = path.split('/').collect();
        let paths = self.root["paths"].as_object()?;
        paths
            .iter()
            .filter(|(template, _)| {
                let parts: Vec<&str> = template.split('/').collect();
                parts.len() == segments.len()
                    && parts
                        .iter()
                        .zip(&segments)
                        .all(|(t, s)| t == s || (t.starts_with('{') && !s.is_empty()))
            })
            .min_by_key(|(template, _)| template.matches('{').count())
            .map(|(_, item)| item)
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        super::schema::resolve(&self.root, value)
    }
}
