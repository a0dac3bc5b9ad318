//! Answers against the vendor's OpenAPI document.
