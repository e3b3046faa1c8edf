//! Why there is no usable database.

/// Why there is no usable database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The file could not be opened.
    #[error("the database {file} cannot be opened: {reason}")]
    Open {
        /// The file.
        file: String,
        /// The database's words.
        reason: String,
    },
    /// No port could be had.
    #[error("no loopback port for the database: {0}")]
    Listen(#[from] std::io::Error),
    /// A call failed.
    #[error("the table {table} cannot be prepared at {url}: {reason}")]
    Call {
        /// The table.
        table: String,
        /// Where the database is.
        url: String,
        /// The service's words.
        reason: String,
    },
    /// A table from before has another form than the template's.
    #[error(
        "the table {table} is not as the template (line {line}) declares it: {difference}; \
         use another --data directory, or delete this one"
    )]
    Differs {
        /// The table.
        table: String,
        /// The template's line.
        line: usize,
        /// What differs, here and there.
        difference: String,
    },
}
