//! The faults of a request: what is wrong with it, and where.

/// The most faults that one answer lists. Further faults are left out.
pub(crate) const FAULTS_MAX: usize = 20;

/// One thing that is wrong with a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// Where it is.
    pub(crate) place: Place,
    /// What is wrong, in words for the developer of the client.
    pub(crate) detail: String,
}

/// Where a fault is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// A JSON Pointer (RFC 6901) into the body. The empty pointer is the whole
    /// body.
    Body(String),
    /// A parameter of the path or the query, or a header.
    Parameter(&'static str),
}

impl Fault {
    /// A fault of a parameter of the path or the query, or of a header.
    pub(crate) fn of_parameter(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            place: Place::Parameter(name),
            detail: detail.into(),
        }
    }
}

/// The faults found so far.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// Adds a fault at a pointer into the body.
    pub(crate) fn add(&mut self, pointer: &str, detail: impl Into<String>) {
        if self.0.len() < FAULTS_MAX {
            self.0.push(Fault {
                place: Place::Body(pointer.to_owned()),
                detail: detail.into(),
            });
        }
    }

    /// Returns what was read if there are no faults.
    ///
    /// # Errors
    /// The faults.
    pub(crate) fn or<T>(self, read: Option<T>) -> Result<T, Vec<Fault>> {
        match read {
            Some(read) if self.0.is_empty() => Ok(read),
            _ => Err(self.0),
        }
    }
}
