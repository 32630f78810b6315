//! A server's way from its data folder to the first answer.

use std::{
    fs::{self, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, Connection};

use super::{LAB_ROLE, OWN_ROLE, cause, config, connect, mend, server::Server, user::User};
use crate::{
    error::Error,
    runtime::{
        local::{Input, Local},
        node::Node,
        process,
    },
};

/// A start takes 50 ms, and recovery after a kill as long again; the bound is for a machine in trouble.
const START_BOUND: Duration = Duration::from_secs(30);

/// How often another port is tried when the chosen one was taken in between.
const PORT_TRIES: u32 = 5;

/// How long a restart is tried again while something of the server before is in its way.
const AGAIN_BOUND: Duration = Duration::from_secs(10);

/// What the server says when a process of the one before is still there. It ends with its statement.
const STILL_IN_USE: &str = "pre-existing shared memory block";

/// What the server says when the port is another's.
const PORT_TAKEN: &str = "Address already in use";

impl Server {
    pub(super) async fn launch(&mut self, local: &Local, may_move: bool) -> Result<(), Error> {
        let deadline = Instant::now() + AGAIN_BOUND;
        let mut tries = 0;
        loop {
            let logged = fs::metadata(self.log()).map_or(0, |metadata| metadata.len());
            let Err(error) = self.launch_once(local, logged).await else { return Ok(()) };
            tries += 1;
            let said = said_since(&self.log(), logged);
            let taken = said.contains(PORT_TAKEN);
            if taken && may_move && tries < PORT_TRIES {
                tracing::debug!("port {} was taken in between: another is tried", self.port);
                self.port = config::free_port()?;
                continue;
            }
            let passes = (taken && !may_move) || said.contains(STILL_IN_USE);
            if !passes || Instant::now() > deadline {
                return Err(error);
            }
            tokio::time::sleep(Duration::from_millis(20)).await; // the pace of trying; a start is the condition
        }
    }

    async fn launch_once(&mut self, local: &Local, logged: u64) -> Result<(), Error> {
        let (conf, hba) = (self.place.around.join("postgresql.conf"), self.place.around.join("pg_hba.conf"));
        write_config(&conf, &config::postgresql_conf("127.0.0.1", self.port, &self.settings))?;
        write_config(&hba, config::PG_HBA_CONF)?;
        let mut command = tokio::process::Command::new(self.install.folder.join("postgres"));
        command.arg("-D").arg(&self.place.data);
        for (name, path) in [("config_file", &conf), ("hba_file", &hba)] {
            command.arg("-c").arg(format!("{name}={}", path.display()));
        }
        User::take(self.user.as_ref(), &mut command);
        self.node = Some(local.spawn("postgres", command, &self.log(), Input::Family)?);
        self.wait_until_ready(logged).await?;
        let database = "postgres";
        let mut connection = connect(&self.own(database)).await.map_err(|why| self.does_not_answer(&why))?;
        let started =
            sqlx::query_scalar("SELECT pg_postmaster_start_time()::text").fetch_one(&mut connection);
        self.started = match tokio::time::timeout(START_BOUND, started).await {
            Ok(answer) => answer.map_err(|error| self.does_not_answer(&error.to_string()))?,
            Err(_) => return Err(self.does_not_answer(&format!("nothing within {START_BOUND:?}"))),
        };
        let _ = connection.close().await;
        Ok(())
    }

    /// Waits until the server notes in its own file that it is ready.
    async fn wait_until_ready(&mut self, logged: u64) -> Result<(), Error> {
        let note = self.place.data.join("postmaster.pid");
        let pid = self.node.as_ref().map(Node::pid).unwrap_or_default();
        let mut ready = false;
        process::wait_for(START_BOUND, || {
            ready = fs::read_to_string(&note).is_ok_and(|text| says_ready(&text, pid));
            ready || !self.alive()
        })
        .await;
        if ready {
            return Ok(());
        }
        if self.alive() {
            self.kill().await?;
            return Err(self.error(format!("PostgreSQL was not ready within {START_BOUND:?}")));
        }
        let how = self.node.as_mut().map(Node::how_it_ended).unwrap_or_default();
        let said = said_since(&self.log(), logged);
        let (cause, mend) = (cause(&said), mend(&said, &self.place.data));
        Err(self.error(format!("PostgreSQL ended at its start ({how}){cause}{mend}")))
    }

    /// Makes the role of the labs, and gives both roles passwords that only this server has.
    pub(super) async fn make_roles(&mut self, own_secret: String) -> Result<(), Error> {
        let sql = format!(
            "CREATE ROLE {LAB_ROLE} LOGIN PASSWORD '{}'; ALTER ROLE {OWN_ROLE} PASSWORD '{own_secret}'",
            self.secret
        );
        let mut connection =
            connect(&self.own("postgres")).await.map_err(|why| self.does_not_answer(&why))?;
        let made = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection);
        match tokio::time::timeout(START_BOUND, made).await {
            Ok(made) => made.map_err(|error| self.does_not_answer(&error.to_string()))?,
            Err(_) => return Err(self.does_not_answer(&format!("nothing within {START_BOUND:?}"))),
        };
        let _ = connection.close().await;
        self.own_secret = own_secret;
        Ok(())
    }

    fn does_not_answer(&self, why: &str) -> Error {
        self.error(format!("PostgreSQL is there and does not answer as it should: {why}"))
    }
}

/// Whether the server's note is of this process and says that it is ready: eight lines, the first is the process id.
fn says_ready(note: &str, pid: u32) -> bool {
    let mut lines = note.lines();
    lines.next().and_then(|line| line.trim().parse().ok()) == Some(pid)
        && lines.nth(6).is_some_and(|line| line.trim_end() == "ready")
}

/// What was written to a log after its first `from` bytes.
pub fn said_since(log: &Path, from: u64) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = fs::File::open(log)?;
        file.seek(SeekFrom::Start(from))?;
        let mut said = Vec::new();
        file.take(1 << 20).read_to_end(&mut said)?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    };
    read().unwrap_or_default()
}

/// Others may read it: the server may be another user's. There is no secret in it.
fn write_config(path: &Path, text: &str) -> Result<(), Error> {
    let _ = fs::remove_file(path);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path).map_err(Error::file("create", path))?;
    file.set_permissions(fs::Permissions::from_mode(0o644))
        .map_err(Error::file("change the mode of", path))?;
    file.write_all(text.as_bytes()).map_err(Error::file("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_note_of_this_very_process_counts() {
        let note = |pid: u32, status: &str| {
            format!("{pid}\n/data\n1700000000\n5432\n\n127.0.0.1\n  1 2\n{status}\n")
        };
        assert!(says_ready(&note(42, "ready   "), 42));
        assert!(!says_ready(&note(41, "ready   "), 42), "of the one before");
        assert!(!says_ready(&note(42, "starting"), 42));
        for text in ["", "42", "42\n\n\n", "x\ny\n"] {
            assert!(!says_ready(text, 42), "{text:?}");
        }
    }
}
