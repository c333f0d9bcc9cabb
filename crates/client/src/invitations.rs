//! Invitations to apps and to the server.

use crate::{Client, Result};
use picloud_shared::{
    api::{AcceptInvitation, AcceptedInvitation, Invitation, InvitationLink, InviteToApp, InviteToServer, Page, Role},
    ids::InvitationId,
    names::AppSlug,
};
use reqwest::Method;

impl Client {
    /// Makes a link by which somebody gets a role in an app.
    pub async fn invite_to_app(&self, app: &AppSlug, role: Role) -> Result<InvitationLink> {
        let url = self.endpoint(&["apps", app.as_str(), "invitations"]);
        self.fetch(self.request(Method::POST, url).json(&InviteToApp { role })).await
    }

    /// The open invitations to an app, the newest first; those after the first page with its `next`.
    pub async fn app_invitations(
        &self,
        app: &AppSlug,
        before: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Page<Invitation>> {
        self.fetch_page(&["apps", app.as_str(), "invitations"], "before", before, limit).await
    }

    /// Revokes an invitation to an app.
    pub async fn revoke_app_invitation(&self, app: &AppSlug, id: InvitationId) -> Result<()> {
        let url = self.endpoint(&["apps", app.as_str(), "invitations", &id.to_string()]);
        self.execute(self.request(Method::DELETE, url)).await
    }

    /// Makes a link by which somebody becomes a user.
    pub async fn invite(&self, invite: &InviteToServer) -> Result<InvitationLink> {
        self.fetch(self.request(Method::POST, self.endpoint(&["invitations"])).json(invite)).await
    }

    /// The open invitations to the server, the newest first; those after the first page with its `next`.
    pub async fn invitations(&self, before: Option<&str>, limit: Option<u32>) -> Result<Page<Invitation>> {
        self.fetch_page(&["invitations"], "before", before, limit).await
    }

    /// Revokes an invitation to the server.
    pub async fn revoke_invitation(&self, id: InvitationId) -> Result<()> {
        self.execute(self.request(Method::DELETE, self.endpoint(&["invitations", &id.to_string()]))).await
    }

    /// Accepts an invitation: as a new user, or as the one whose token this is.
    pub async fn accept_invitation(&self, accept: &AcceptInvitation) -> Result<AcceptedInvitation> {
        self.fetch(self.request(Method::POST, self.endpoint(&["invitations", "accept"])).json(accept)).await
    }
}
