//! What stands between the clients and the gateway.

/// What stands between the clients and the gateway.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Front {
    /// Nothing: clients call the gateway itself.
    Nothing,
    /// CloudFront: its headers are added to each answer, and its address to each request.
    Edge,
    /// A load balancer, which began the trace. Whoever calls the gateway has found out the
    /// client's address. The edge's headers are added, since nothing else adds them.
    Balancer,
}

impl Front {
    /// Whether the headers of the template's edge are added to answers.
    pub(crate) fn sets_headers(self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Edge | Self::Balancer => true,
        }
    }
}
