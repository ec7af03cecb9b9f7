//! The requests that are not WebSocket: a citizen's token, a log-in of staff, a file. One connection, kept.

use std::{collections::BTreeMap, net::SocketAddr};

use anyhow::{Context as _, bail};
use bangban_protocol::{Login, LoginReply};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

/// The password of `serve --demo`.
const PASSWORD: &str = "bangban-demo";

/// A kept connection.
pub(crate) struct Http {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

impl Http {
    /// Connects.
    pub(crate) async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream =
            TcpStream::connect(address).await.with_context(|| format!("nobody listens on {address} (--url)"))?;
        Ok(Self { stream: BufReader::new(stream), address })
    }

    /// The token of `load-citizen-N`.
    pub(crate) async fn citizen(&mut self, n: u32) -> anyhow::Result<String> {
        let body = serde_json::json!({ "citizen": format!("load-citizen-{n}") }).to_string();
        let reply: Token = self.post("/api/demo/token", &body).await.context("is the server started with --demo?")?;
        Ok(reply.token)
    }

    /// Logs `load-agent-N` in.
    pub(crate) async fn agent(&mut self, n: u32) -> anyhow::Result<LoginReply> {
        self.staff(&format!("load-agent-{n}"))
            .await
            .with_context(|| format!("is the server started with --load-agents {n} or more?"))
    }

    /// Logs a member of the demo's staff in.
    pub(crate) async fn staff(&mut self, login: &str) -> anyhow::Result<LoginReply> {
        let login = Login { login: login.to_owned(), password: PASSWORD.to_owned() };
        self.post("/api/staff/login", &serde_json::to_string(&login)?).await
    }

    /// Sends a file in the name of whoever the token is for.
    pub(crate) async fn upload<T: DeserializeOwned>(
        &mut self,
        path: &str,
        token: &str,
        bytes: &[u8],
    ) -> anyhow::Result<T> {
        let headers = format!("Content-Type: application/octet-stream\r\nAuthorization: Bearer {token}\r\n");
        self.exchange("POST", path, &headers, bytes).await
    }

    /// Reads something in the name of whoever the token is for.
    pub(crate) async fn get<T: DeserializeOwned>(&mut self, path: &str, token: &str) -> anyhow::Result<T> {
        self.exchange("GET", path, &format!("Authorization: Bearer {token}\r\n"), &[]).await
    }

    /// Sends JSON in the name of whoever the token is for.
    pub(crate) async fn tell<T: DeserializeOwned>(
        &mut self,
        method: &str,
        path: &str,
        token: &str,
        body: &Value,
    ) -> anyhow::Result<T> {
        let headers = format!("Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n");
        self.exchange(method, path, &headers, body.to_string().as_bytes()).await
    }

    async fn post<T: DeserializeOwned>(&mut self, path: &str, body: &str) -> anyhow::Result<T> {
        self.exchange("POST", path, "Content-Type: application/json\r\n", body.as_bytes()).await
    }

    async fn exchange<T: DeserializeOwned>(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> anyhow::Result<T> {
        Ok(serde_json::from_slice(&self.bytes(method, path, headers, body).await?)?)
    }

    /// A page of metrics: each counter with its labels as they are written, e.g. `bangban_media{what="peers"}`.
    pub(crate) async fn metrics(&mut self) -> anyhow::Result<BTreeMap<String, f64>> {
        let page = self.bytes("GET", "/metrics", "", &[]).await?;
        let page = String::from_utf8(page)?;
        let lines = page.lines().filter(|line| !line.starts_with('#'));
        Ok(lines
            .filter_map(|line| line.rsplit_once(' '))
            .filter_map(|(name, n)| Some((name.to_owned(), n.parse().ok()?)))
            .collect())
    }

    async fn bytes(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> anyhow::Result<Vec<u8>> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        self.stream.get_mut().write_all(&[head.as_bytes(), body].concat()).await?;
        let mut line = String::new();
        self.stream.read_line(&mut line).await?;
        let status = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut length = 0;
        loop {
            line.clear();
            if self.stream.read_line(&mut line).await? == 0 {
                bail!("{path}: the server closed the connection");
            }
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().context("Content-Length")?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        if status != "200" {
            bail!("{path} was answered {status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(body)
    }
}
