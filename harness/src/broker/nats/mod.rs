//! NATS: finding the server, running it, and what a run asks of it.

pub mod install;
pub mod pulse;
pub mod server;
pub mod store;

use std::time::Duration;

use server::Access;

/// How long one attempt to connect may take: loopback answers within a millisecond.
const CONNECT_BOUND: Duration = Duration::from_secs(10);

/// Connects the harness itself. `name` is what the server calls the connection.
pub async fn connect(access: &Access, name: &str) -> Result<async_nats::Client, async_nats::ConnectError> {
    async_nats::ConnectOptions::with_user_and_password(access.user.to_owned(), access.password.clone())
        .name(name)
        .connection_timeout(CONNECT_BOUND)
        .connect(access.url())
        .await
}
