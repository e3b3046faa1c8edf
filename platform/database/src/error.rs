//! Errors of the embedded database and its tables.

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The file could not be opened.
    #[error("the database {file} cannot be opened: {reason}")]
    Open {
        /// The file.
        file: String,
        /// The database's message.
        reason: String,
    },
    /// No port is free.
    #[error("the database found no free loopback port: {0}")]
    Listen(#[from] std::io::Error),
    /// A request failed.
    #[error("the table {table} cannot be prepared at {url}: {reason}")]
    Call {
        /// The table.
        table: String,
        /// Where the database is.
        url: String,
        /// The service's message.
        reason: String,
    },
    /// An existing table differs from the template's.
    #[error(
        "the table {table} differs from the template (line {line}): {difference}; \
         use another --data directory, or delete this one"
    )]
    Differs {
        /// The table.
        table: String,
        /// The template's line.
        line: usize,
        /// The first difference.
        difference: String,
    },
}
