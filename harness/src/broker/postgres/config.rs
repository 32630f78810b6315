//! What a server of ours is told at its start.

use crate::{error::Error, runtime::ports};

/// A loopback port that is free at this moment.
pub fn free_port() -> Result<u16, Error> {
    ports::free().map_err(|error| Error::Other(format!("no free port for PostgreSQL: {error}")))
}

/// The server's own configuration. What comes later counts, so `settings` can change all of it but where it listens.
///
/// Messages are in English because some are read here.
pub fn postgresql_conf(listen: &str, port: u16, settings: &str) -> String {
    // After a crash the data folder is made safe on disk first. File by file that takes seconds when the disk is busy.
    let sync = if cfg!(target_os = "linux") { "syncfs" } else { "fsync" };
    format!(
        "shared_buffers = 32MB\n\
         max_connections = 100\n\
         jit = off\n\
         recovery_init_sync_method = {sync}\n\
         password_encryption = 'scram-sha-256'\n\
         logging_collector = off\n\
         log_destination = 'stderr'\n\
         log_line_prefix = '%m [%p] %q%a '\n\
         log_timezone = 'UTC'\n\
         lc_messages = 'C'\n\
         log_checkpoints = off\n\
         log_min_error_statement = 'panic'\n\
         {settings}\n\
         listen_addresses = '{listen}'\n\
         unix_socket_directories = ''\n\
         port = {port}\n"
    )
}

/// Who may connect: from this machine, with a password.
pub const PG_HBA_CONF: &str = "host all all 127.0.0.1/32 scram-sha-256\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_of_a_lab_comes_after_ours_and_before_where_it_listens() {
        let text = postgresql_conf("127.0.0.1", 4711, "synchronous_commit = off\nport = 1\n");
        let place = |line: &str| text.lines().position(|other| other == line).expect(line);
        assert!(place("jit = off") < place("synchronous_commit = off"));
        assert!(place("port = 1") < place("port = 4711"));
        assert!(place("port = 1") < place("listen_addresses = '127.0.0.1'"));
    }
}
