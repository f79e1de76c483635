//! `doctor --health`: one question to the running bot, for a container's health check.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;

use super::out;
use crate::config;

/// How long the bot may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Ends with 0 if the bot of this configuration answers that it is alive.
pub(super) fn run(config: &Path) -> anyhow::Result<ExitCode> {
    let address = reachable(config::load(config)?.http.listen);
    let status = ask(address).with_context(|| format!("nobody answers at {address}"))?;
    out::say(&status)?;
    Ok(if status.contains(" 200 ") { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A bot that listens everywhere is asked at home.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let home = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(home, listen.port())
}

/// The status line of `/healthz`.
fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(4_096).read_to_string(&mut answer)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bot_that_listens_everywhere_is_asked_at_home() {
        let asked = |listen: &str| reachable(listen.parse().unwrap()).to_string();
        assert_eq!(asked("0.0.0.0:8420"), "127.0.0.1:8420");
        assert_eq!(asked("[::]:8420"), "[::1]:8420");
        assert_eq!(asked("10.0.0.7:80"), "10.0.0.7:80");
    }
}
