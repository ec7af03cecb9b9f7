//! Who asks, by their token: `Authorization: Bearer`.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use bangban_protocol::{ErrorCode, WireError};

use super::{limits::Class, refused::Refused, security};
use crate::{app::App, auth::Principal, telemetry::count_limited};

/// A citizen or a member of staff, who has asked for less than they may.
pub(super) struct Bearer(pub(super) Principal);

impl FromRequestParts<Arc<App>> for Bearer {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        security::check_origin(&parts.headers, &app.portal_origins)?;
        let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = value.and_then(|value| value.strip_prefix("Bearer ")).ok_or_else(|| {
            let error = WireError::new(ErrorCode::Unauthenticated, "a token is missing");
            Refused::from(WireError { field: Some("Authorization".to_owned()), ..error })
        })?;
        let who = app.identify(token).await?;
        let now = app.clock.now();
        let class = Class::of(parts.uri.path());
        app.rates.take_request(&who, now, class).map_err(|wait| {
            count_limited("person", class);
            Refused::too_many(wait, "too many requests of one person, wait")
        })?;
        Ok(Self(who))
    }
}
