//! Google Cloud, judged by others: Google's command line, its Python client and its discovery documents,
//! at a cluster that the built binary made in the embedded cloud.

mod calls;
mod gcloud;
mod lab;
mod python_client;
