//! One request to a load balancer, as a visitor of the site makes it.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    time::{Duration, Instant},
};

/// How long a load balancer may take to find its machines healthy, on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// The answer's status line and body. Asks until somebody answers.
///
/// # Panics
/// When nobody does within the deadline.
pub fn visit(ip: &str, host: &str, path: &str) -> (String, String) {
    visit_at(&format!("{ip}:80"), host, path)
}

/// The same at another port.
///
/// # Panics
/// When nobody answers within the deadline.
pub fn visit_at(address: &str, host: &str, path: &str) -> (String, String) {
    let begun = Instant::now();
    loop {
        match ask(address, host, path) {
            Ok(text) if !text.is_empty() => {
                let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
                let status = head.lines().next().unwrap_or_default();
                return (status.to_owned(), body.to_owned());
            }
            said => {
                assert!(begun.elapsed() < DEADLINE, "http://{address}{path} ({host}): {said:?}");
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn ask(address: &str, host: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// Asks for `https://host/` at a load balancer, as a visitor who trusts only the authority in `ca`.
/// Returns the body, or why the server's certificate is refused. Asks until a certificate is shown.
///
/// # Panics
/// Panics when nobody shows one within the deadline.
pub fn visit_tls(ip: &str, host: &str, ca: &Path) -> Result<String, String> {
    let begun = Instant::now();
    let ca = reqwest::Certificate::from_pem(&std::fs::read(ca).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([ca])
        .resolve(host, format!("{ip}:443").parse().unwrap())
        .timeout(Duration::from_secs(10))
        .build()
        .unwrap();
    loop {
        let asked = runtime
            .block_on(async { client.get(format!("https://{host}/")).send().await?.text().await });
        let why = match asked {
            Ok(body) => return Ok(body),
            Err(error) => format!("{error:?}"),
        };
        if why.contains("InvalidCertificate") {
            return Err(why);
        }
        assert!(begun.elapsed() < DEADLINE, "https://{host}/ at {ip}: {why}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
