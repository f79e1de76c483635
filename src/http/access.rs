//! Who may ask: on loopback everybody on this machine, beyond it who shows the token.

use axum::{
    extract::{Request, State},
    http::header,
    middleware::Next,
    response::Response,
};
use subtle::ConstantTimeEq as _;

use super::{Held, error::HttpError};
use crate::secret::Secret;

pub(super) async fn token(State(surface): Held, request: Request, next: Next) -> Result<Response, HttpError> {
    let header = request.headers().get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    if surface.open && !surface.parts.token.as_ref().is_some_and(|token| shows(token, header)) {
        return Err(HttpError::Unauthorized);
    }
    Ok(next.run(request).await)
}

/// Compared in a time that depends on the lengths alone.
fn shows(token: &Secret, header: Option<&str>) -> bool {
    let Some((scheme, shown)) = header.and_then(|it| it.split_once(' ')) else { return false };
    let same: bool = token.expose().as_bytes().ct_eq(shown.trim().as_bytes()).into();
    scheme.eq_ignore_ascii_case("bearer") && same && !token.expose().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_the_token() {
        let token = Secret::new("hunter2");
        assert!(shows(&token, Some("Bearer hunter2")));
        assert!(shows(&token, Some("bearer hunter2")));
        for header in [None, Some("Bearer hunter"), Some("Basic hunter2"), Some("hunter2"), Some("Bearer ")] {
            assert!(!shows(&token, header), "{header:?}");
        }
        assert!(!shows(&Secret::new(""), Some("Bearer ")));
    }
}
