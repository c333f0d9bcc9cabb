//! What the parts below refuse, as the API's error: one `From` for each of their types.

use super::error::ApiError;
use crate::{
    deploy::DeployError,
    invitations::InvitationError,
    invoke::InvokeError,
    password::PasswordError,
    setup::{CreateAdminError, SetUpRefused},
    sign_in::SignInError,
    token::TokenError,
    trigger::InvalidRun,
};
use picloud_shared::{
    activity::whole_seconds,
    api::{Diagnostic, Role},
    bodies::NoRoom,
    events::InvalidEvent,
    executor::ExecutorError,
    precondition::Changed,
};
use picloud_store::{
    AcceptRefused, CreateRefused, DeleteRefused, DeployRefused, InviteRefused, KvFull, MemberRefused, PublishRefused,
    PutRefused, ReplayRefused, Revoked, Right, RollbackRefused, RunRefused, SetRefused, StoreError, TokenRefused,
    UpdateRefused, UserRefused, WriteRefused,
};
use picloud_vault::SealError;

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Revoked(revoked) => match revoked {
                Revoked::Token | Revoked::Right(Right::Token) => Self::Unauthorized,
                Revoked::Membership => Self::NotFound("app"),
                Revoked::Right(Right::InApp(_, role)) => Self::Forbidden(role),
                Revoked::Right(Right::MakingApps) => Self::MayNotCreateApps,
                Revoked::Right(Right::Administration) => Self::AdministratorsOnly,
            },
            error if error.is_unavailable() => Self::NotReady(error),
            error => Self::internal(error),
        }
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Refused(TokenRefused::Ended) => Self::Unauthorized,
            TokenError::Refused(refused @ TokenRefused::TooMany(_)) => Self::Invalid(refused.to_string()),
            TokenError::Store(error) => error.into(),
            TokenError::Random(_) => Self::internal(error),
        }
    }
}

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Wrong => Self::WrongCredentials,
            SignInError::Disabled => Self::Disabled,
            SignInError::Throttled(wait) => Self::Throttled(wait),
            SignInError::Password(error) => error.into(),
            SignInError::Store(error) => error.into(),
        }
    }
}

impl From<UserRefused> for ApiError {
    fn from(refused: UserRefused) -> Self {
        match refused {
            UserRefused::NoSuchUser => Self::NotFound("user"),
            UserRefused::NotAllowed => Self::AdministratorsOnly,
            UserRefused::LastAdmin => Self::LastAdministrator(refused),
        }
    }
}

impl From<MemberRefused> for ApiError {
    fn from(refused: MemberRefused) -> Self {
        match refused {
            MemberRefused::NoSuchApp => Self::NotFound("app"),
            MemberRefused::NoSuchUser => Self::NotFound("user"),
            MemberRefused::NotAllowed => Self::Forbidden(Role::Owner),
            MemberRefused::LastOwner => Self::LastOwner(refused),
        }
    }
}

impl From<InvitationError> for ApiError {
    fn from(error: InvitationError) -> Self {
        match error {
            InvitationError::Invite(InviteRefused::NoSuchApp) => Self::NotFound("app"),
            InvitationError::Invite(InviteRefused::NotAllowed) => Self::Forbidden(Role::Owner),
            InvitationError::Invite(refused @ InviteRefused::TooMany(_)) => Self::Invalid(refused.to_string()),
            InvitationError::Accept(refused) => match refused {
                AcceptRefused::NoSuchInvitation => Self::NotFound("invitation"),
                AcceptRefused::Over => Self::InvitationOver,
                AcceptRefused::UsernameTaken(name) => Self::UsernameTaken(name),
                AcceptRefused::AlreadyMember | AcceptRefused::ForNewUser => Self::NotForUsers(refused),
            },
            InvitationError::Throttled(wait) => Self::Throttled(wait),
            InvitationError::Password(error) => error.into(),
            InvitationError::Token(error) => error.into(),
            InvitationError::Store(error) => error.into(),
        }
    }
}

impl From<PasswordError> for ApiError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Invalid => Self::Invalid(error.to_string()),
            PasswordError::Busy => Self::TooManySignIns,
            PasswordError::Hash(_) | PasswordError::Interrupted => Self::internal(error),
        }
    }
}

impl From<SetUpRefused> for ApiError {
    fn from(error: SetUpRefused) -> Self {
        match error {
            SetUpRefused::Already => Self::AlreadySetUp,
            SetUpRefused::WrongToken => Self::WrongSetupToken,
            SetUpRefused::Failed(CreateAdminError::Password(error)) => error.into(),
            SetUpRefused::Failed(CreateAdminError::Store(error)) => error.into(),
        }
    }
}

impl From<ExecutorError> for ApiError {
    fn from(error: ExecutorError) -> Self {
        match error {
            ExecutorError::Overloaded => Self::Overloaded,
            ExecutorError::NoSuchVersion => Self::NotFound("version"),
            ExecutorError::Internal(_) => Self::internal(error),
        }
    }
}

impl From<DeployError> for ApiError {
    fn from(error: DeployError) -> Self {
        match error {
            DeployError::CreateRefused(refused) => refused.into(),
            DeployError::SourceTooLarge(_) => Self::SourceTooLarge,
            DeployError::InvalidScripts(faults) => Self::InvalidScript(faults.first.into()),
            DeployError::TooManyRoutes(_) | DeployError::TooManyTopics(_) | DeployError::TooManySchedules(_) => {
                Self::Invalid(error.to_string())
            }
            DeployError::Refused(refused) => refused.into(),
            DeployError::RollbackRefused(refused) => refused.into(),
            DeployError::DeployRefused(refused) => refused.into(),
            DeployError::Limit(_) => Self::Invalid(error.to_string()),
            DeployError::NoSuchRelease => Self::NotFound("release"),
            DeployError::Executor(error) => error.into(),
            DeployError::Store(error) => error.into(),
        }
    }
}

impl From<PutRefused> for ApiError {
    fn from(refused: PutRefused) -> Self {
        match refused {
            PutRefused::NoSuchApp => Self::NotFound("app"),
            PutRefused::RouteConflict { route, script } => Self::RouteConflict { route, script },
            PutRefused::RouteTwice(_) | PutRefused::TooManySchedules | PutRefused::TooManyScripts => {
                Self::Invalid(refused.to_string())
            }
            PutRefused::Imports(error) => Self::cannot_import(&error),
            PutRefused::Changed(changed) => changed.into(),
        }
    }
}

impl From<RollbackRefused> for ApiError {
    fn from(refused: RollbackRefused) -> Self {
        match refused {
            RollbackRefused::NoSuchScript => Self::NotFound("script"),
            RollbackRefused::NoSuchVersion => Self::NotFound("version"),
            RollbackRefused::RouteConflict { route, script } => Self::RouteConflict { route, script },
            RollbackRefused::TooManySchedules => Self::Invalid(refused.to_string()),
            RollbackRefused::Imports(error) => Self::cannot_import(&error),
            RollbackRefused::Changed(changed) => changed.into(),
        }
    }
}

impl From<DeleteRefused> for ApiError {
    fn from(refused: DeleteRefused) -> Self {
        match refused {
            DeleteRefused::NoSuchScript => Self::NotFound("script"),
            DeleteRefused::Imported(_) => Self::Imported(refused),
            DeleteRefused::Changed(changed) => changed.into(),
        }
    }
}

impl From<Changed> for ApiError {
    fn from(changed: Changed) -> Self {
        Self::Changed(changed)
    }
}

impl From<UpdateRefused> for ApiError {
    fn from(refused: UpdateRefused) -> Self {
        match refused {
            UpdateRefused::NoSuchApp => Self::NotFound("app"),
            UpdateRefused::Private(host) => Self::AdministratorOnly(host),
            UpdateRefused::Changed(changed) => changed.into(),
        }
    }
}

impl From<DeployRefused> for ApiError {
    fn from(refused: DeployRefused) -> Self {
        match refused {
            DeployRefused::NoSuchApp => Self::NotFound("app"),
            DeployRefused::LimitsNeedOwner => Self::Forbidden(Role::Owner),
            DeployRefused::Changed(changed) => changed.into(),
            DeployRefused::Twice(_) | DeployRefused::TooManyScripts | DeployRefused::TooManyTriggers => {
                Self::Invalid(refused.to_string())
            }
            DeployRefused::SourcesTooLarge => Self::TooLarge(refused.to_string()),
            DeployRefused::Script { script, refused: PutRefused::Imports(error) } => Self::InvalidScript(Diagnostic {
                message: error.to_string(),
                script: Some(script),
                line: None,
                column: None,
            }),
            DeployRefused::Script { script, refused: refused @ PutRefused::RouteTwice(_) } => {
                Self::Invalid(format!("{script}: {refused}"))
            }
            DeployRefused::Script { refused, .. } => refused.into(),
        }
    }
}

impl From<InvalidEvent> for ApiError {
    fn from(invalid: InvalidEvent) -> Self {
        if invalid.is_too_large() { Self::TooLarge(invalid.to_string()) } else { Self::Invalid(invalid.to_string()) }
    }
}

impl From<PublishRefused> for ApiError {
    fn from(refused: PublishRefused) -> Self {
        match refused {
            PublishRefused::NoSuchApp => Self::NotFound("app"),
            PublishRefused::QueueFull => Self::QueueFull,
        }
    }
}

impl From<RunRefused> for ApiError {
    fn from(refused: RunRefused) -> Self {
        match refused {
            RunRefused::NoSuchSchedule => Self::NotFound("schedule"),
            RunRefused::QueueFull => Self::QueueFull,
        }
    }
}

impl From<SetRefused> for ApiError {
    fn from(refused: SetRefused) -> Self {
        match refused {
            SetRefused::NoSuchApp => Self::NotFound("app"),
            SetRefused::TooMany(_) => Self::Invalid(refused.to_string()),
        }
    }
}

impl From<WriteRefused> for ApiError {
    fn from(refused: WriteRefused) -> Self {
        match refused {
            WriteRefused::NoSuchApp => Self::NotFound("app"),
            WriteRefused::StorageFull | WriteRefused::TooMany => Self::StorageFull(refused.to_string()),
        }
    }
}

impl From<KvFull> for ApiError {
    fn from(full: KvFull) -> Self {
        Self::StorageFull(full.to_string())
    }
}

impl From<CreateRefused> for ApiError {
    fn from(refused: CreateRefused) -> Self {
        match refused {
            CreateRefused::SlugTaken(slug) => Self::SlugTaken(slug),
            CreateRefused::TooMany | CreateRefused::TooManyOfUser => Self::TooManyApps(refused),
        }
    }
}

impl From<NoRoom> for ApiError {
    fn from(no_room: NoRoom) -> Self {
        Self::NoRoom(no_room)
    }
}

impl From<SealError> for ApiError {
    fn from(error: SealError) -> Self {
        Self::internal(error)
    }
}

impl From<ReplayRefused> for ApiError {
    fn from(refused: ReplayRefused) -> Self {
        match refused {
            ReplayRefused::NoneSuch => Self::NotFound("dead letter"),
            ReplayRefused::QueueFull => Self::QueueFull,
        }
    }
}

impl From<InvokeError> for ApiError {
    fn from(error: InvokeError) -> Self {
        match error {
            InvokeError::Invalid(InvalidRun::BodyTooLarge(_)) => Self::BodyTooLarge(error.to_string()),
            InvokeError::Invalid(_) => Self::Invalid(error.to_string()),
            InvokeError::NoSuchScript => Self::NotFound("script"),
            InvokeError::NoFuel(wait) => Self::RateLimited(whole_seconds(wait)),
            InvokeError::Executor(error) => error.into(),
            InvokeError::Store(error) => error.into(),
            InvokeError::Interrupted => Self::internal(error),
        }
    }
}
