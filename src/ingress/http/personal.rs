//! `/api/v1/personal/…`: users, wallets and cards of people on their own.

use std::sync::Arc;

use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Doors;
use super::access::Recorded;
use super::access::bound::Bound;
use super::accounts;
use super::answer::{self, Answer};
use super::body::{JsonBody, NoBody};
use super::extract::{Id, IdempotencyKey, IfMatch, QueryPairs};
use crate::domain::access::Caller;
use crate::domain::id::{AccountId, Home};
use crate::domain::token::Token;
use crate::wire::v1::account::Fund;
use crate::wire::v1::card::{Card, CreatePersonalCard, PatchCard};
use crate::wire::v1::lists::{self, CardList, UserList, WalletList};
use crate::wire::v1::movement::Movement;
use crate::wire::v1::posting::Posting;
use crate::wire::v1::terms;
use crate::wire::v1::transaction::Page;
use crate::wire::v1::user::{CreatePersonalUser, PatchUser, User};
use crate::wire::v1::wallet::{CreateWallet, PatchWallet, Wallet};

/// The routes.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new()
        .routes(routes!(create_user, list_users))
        .routes(routes!(read_user, change_user))
        .routes(routes!(erase_user))
        .routes(routes!(create_wallet, list_wallets))
        .routes(routes!(read_wallet, change_wallet))
        .routes(routes!(fund_wallet))
        .routes(routes!(wallet_history))
        .routes(routes!(create_card, list_cards))
        .routes(routes!(read_card, change_card))
}

/// Creates a user on their own.
#[utoipa::path(
    post,
    path = "/api/v1/personal/users",
    tag = "Personal",
    operation_id = "create_personal_user",
    request_body(content = CreatePersonalUser),
    responses(
        (status = 201, description = "The user.", body = User),
        (status = 409, description = "token_taken"),
    ),
)]
async fn create_user(
    Bound(service): Bound,
    JsonBody(body): JsonBody<CreatePersonalUser>,
) -> Answer {
    let user = service.create_user(body.parse()?).await?;
    answer::created(user.version, User::from(user))
}

/// Lists people on their own, the latest first.
#[utoipa::path(
    get,
    path = "/api/v1/personal/users",
    tag = "Personal",
    operation_id = "list_personal_users",
    params(
        ("status" = Option<terms::UserStatus>, Query, description = "In this state."),
        ("marqeta_token" = Option<terms::Reference>, Query, description = "With this token of the card platform's."),
        ("cursor" = Option<terms::Cursor>, Query, description = "`next` of the page before."),
        ("limit" = Option<terms::PageSize>, Query, description = "Items of the page; 50 where it is absent."),
    ),
    responses(
        (status = 200, description = "A page.", body = Page<User>),
    ),
)]
async fn list_users(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let asked = UserList::parse_personal(&pairs)?;
    answer::page(service.list_users(Home::Personal, asked).await?, User::from)
}

/// Reads a personal user.
#[utoipa::path(
    get,
    path = "/api/v1/personal/users/{id}",
    tag = "Personal",
    operation_id = "read_personal_user",
    params(("id" = terms::Reference, Path)),
    responses(
        (status = 200, description = "The user.", body = User),
    ),
)]
async fn read_user(Bound(service): Bound, Id(id): Id<Token>) -> Answer {
    let user = service.user(Home::Personal, &id).await?;
    answer::found(user.version, User::from(user))
}

/// Changes a personal user.
#[utoipa::path(
    patch,
    path = "/api/v1/personal/users/{id}",
    tag = "Personal",
    operation_id = "change_personal_user",
    params(("id" = terms::Reference, Path), ("If-Match" = terms::VersionTag, Header)),
    request_body(content = PatchUser),
    responses(
        (status = 200, description = "The user.", body = User),
        (status = 409, description = "invalid_transition token_taken"),
    ),
)]
async fn change_user(
    Bound(service): Bound,
    Id(id): Id<Token>,
    IfMatch(seen): IfMatch,
    JsonBody(body): JsonBody<PatchUser>,
) -> Answer {
    let change = body.parse()?;
    let user = service.change_user(Home::Personal, &id, seen, change).await?;
    answer::found(user.version, User::from(user))
}

/// Takes away what is kept of a personal user to tell who they are. The money's record stays.
///
/// Names, mail address, role, references to KYC documents and reasons of rejections are gone. What the card
/// platform and the program have reported in words of their own stays: notifications, sealed, until they
/// are forgotten; `metadata` of reported transactions as long as these.
///
/// Takes no body. A person who has been erased is answered with as often as it is asked for.
#[utoipa::path(
    post,
    path = "/api/v1/personal/users/{id}/erase",
    tag = "Personal",
    operation_id = "erase_personal_user",
    params(("id" = terms::Reference, Path)),
    responses(
        (status = 200, description = "What is left.", body = User),
        (status = 409, description = "invalid_transition"),
    ),
)]
async fn erase_user(Bound(service): Bound, Id(id): Id<Token>, _: NoBody) -> Answer {
    let user = service.erase_user(&id).await?;
    answer::found(user.version, User::from(user))
}

/// Opens a wallet: an account of a person.
#[utoipa::path(
    post,
    path = "/api/v1/personal/wallets",
    tag = "Personal",
    operation_id = "create_wallet",
    request_body(content = CreateWallet),
    responses(
        (status = 201, description = "The wallet.", body = Wallet),
        (status = 404, description = "not_found"),
        (status = 409, description = "invalid_transition"),
    ),
)]
async fn create_wallet(Bound(service): Bound, JsonBody(body): JsonBody<CreateWallet>) -> Answer {
    let (wallet, account) = service.create_wallet(body.parse()?).await?;
    answer::created(wallet.version, Wallet::new(wallet, &account))
}

/// Lists wallets, the latest first.
#[utoipa::path(
    get,
    path = "/api/v1/personal/wallets",
    tag = "Personal",
    operation_id = "list_wallets",
    params(
        ("user" = Option<terms::Reference>, Query, description = "Of this person."),
        ("cursor" = Option<terms::Cursor>, Query, description = "`next` of the page before."),
        ("limit" = Option<terms::PageSize>, Query, description = "Items of the page; 50 where it is absent."),
    ),
    responses(
        (status = 200, description = "A page.", body = Page<Wallet>),
    ),
)]
async fn list_wallets(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let listed = service.list_wallets(WalletList::parse(&pairs)?).await?;
    answer::page(listed, |(wallet, account)| Wallet::new(wallet, &account))
}

/// Reads what has moved on a wallet, the latest first.
#[utoipa::path(
    get,
    path = "/api/v1/personal/wallets/{id}/history",
    tag = "Personal",
    operation_id = "read_wallet_history",
    params(
        ("id" = terms::WalletId, Path),
        ("cursor" = Option<terms::Cursor>, Query, description = "`next` of the page before."),
        ("limit" = Option<terms::PageSize>, Query, description = "Items of the page; 50 where it is absent."),
    ),
    responses(
        (status = 200, description = "A page.", body = Page<Posting>),
    ),
)]
async fn wallet_history(
    Bound(service): Bound,
    Id(id): Id<AccountId>,
    QueryPairs(pairs): QueryPairs,
) -> Answer {
    let listed = service.wallet_history(id, lists::history(&pairs)?).await?;
    answer::page(listed, Posting::from)
}

/// Reads a wallet, with its balances.
#[utoipa::path(
    get,
    path = "/api/v1/personal/wallets/{id}",
    tag = "Personal",
    operation_id = "read_wallet",
    params(("id" = terms::AccountId, Path)),
    responses(
        (status = 200, description = "The wallet.", body = Wallet),
    ),
)]
async fn read_wallet(Bound(service): Bound, Id(id): Id<AccountId>) -> Answer {
    let (wallet, account) = service.wallet(id).await?;
    answer::found(wallet.version, Wallet::new(wallet, &account))
}

/// Changes where the days of a wallet begin.
#[utoipa::path(
    patch,
    path = "/api/v1/personal/wallets/{id}",
    tag = "Personal",
    operation_id = "change_wallet",
    params(("id" = terms::AccountId, Path), ("If-Match" = terms::VersionTag, Header)),
    request_body(content = PatchWallet),
    responses(
        (status = 200, description = "The wallet.", body = Wallet),
    ),
)]
async fn change_wallet(
    Bound(service): Bound,
    Id(id): Id<AccountId>,
    IfMatch(seen): IfMatch,
    JsonBody(body): JsonBody<PatchWallet>,
) -> Answer {
    let (wallet, account) = service.change_wallet(id, seen, body.parse()?).await?;
    answer::found(wallet.version, Wallet::new(wallet, &account))
}

/// Puts money into a wallet, once for each idempotency key.
#[utoipa::path(
    post,
    path = "/api/v1/personal/wallets/{id}/fund",
    tag = "Personal",
    operation_id = "fund_wallet",
    params(
        ("id" = terms::AccountId, Path),
        ("Idempotency-Key" = terms::IdempotencyKeyText, Header),
    ),
    request_body(content = Fund),
    responses(
        (
            status = 201,
            description = "What was moved. A repeat is answered the same.",
            body = Movement,
        ),
        (status = 409, description = "invalid_transition"),
        (status = 422, description = "currency_mismatch amount_out_of_range"),
    ),
)]
async fn fund_wallet(
    doors: State<Arc<Doors>>,
    service: Bound,
    record: Recorded,
    caller: Caller,
    id: Id<AccountId>,
    key: IdempotencyKey,
    body: JsonBody<Fund>,
) -> Answer {
    accounts::fund(doors, service, record, caller, id, key, body).await
}

/// Issues a card that draws on a wallet.
#[utoipa::path(
    post,
    path = "/api/v1/personal/cards",
    tag = "Personal",
    operation_id = "create_personal_card",
    request_body(content = CreatePersonalCard),
    responses(
        (status = 201, description = "The card.", body = Card),
        (status = 400, description = "wallet_required"),
        (status = 404, description = "not_found"),
        (status = 409, description = "invalid_transition token_taken"),
    ),
)]
async fn create_card(
    Bound(service): Bound,
    JsonBody(body): JsonBody<CreatePersonalCard>,
) -> Answer {
    let card = service.create_card(Home::Personal, body.parse()?).await?;
    answer::created(card.version, Card::from(card))
}

/// Lists cards of people on their own, the latest first.
#[utoipa::path(
    get,
    path = "/api/v1/personal/cards",
    tag = "Personal",
    operation_id = "list_personal_cards",
    params(
        ("user" = Option<terms::Reference>, Query, description = "Of this person."),
        ("wallet" = Option<terms::WalletId>, Query, description = "That draw on this wallet."),
        ("status" = Option<terms::CardStatus>, Query, description = "In this state."),
        ("marqeta_token" = Option<terms::Reference>, Query, description = "With this token of the card platform's."),
        ("cursor" = Option<terms::Cursor>, Query, description = "`next` of the page before."),
        ("limit" = Option<terms::PageSize>, Query, description = "Items of the page; 50 where it is absent."),
    ),
    responses(
        (status = 200, description = "A page.", body = Page<Card>),
    ),
)]
async fn list_cards(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let asked = CardList::parse_personal(&pairs)?;
    answer::page(service.list_cards(Home::Personal, asked).await?, Card::from)
}

/// Reads a personal card.
#[utoipa::path(
    get,
    path = "/api/v1/personal/cards/{id}",
    tag = "Personal",
    operation_id = "read_personal_card",
    params(("id" = terms::Reference, Path)),
    responses(
        (status = 200, description = "The card.", body = Card),
    ),
)]
async fn read_card(Bound(service): Bound, Id(id): Id<Token>) -> Answer {
    let card = service.card(Home::Personal, &id).await?;
    answer::found(card.version, Card::from(card))
}

/// Changes a personal card.
#[utoipa::path(
    patch,
    path = "/api/v1/personal/cards/{id}",
    tag = "Personal",
    operation_id = "change_personal_card",
    params(("id" = terms::Reference, Path), ("If-Match" = terms::VersionTag, Header)),
    request_body(content = PatchCard),
    responses(
        (status = 200, description = "The card.", body = Card),
        (status = 409, description = "invalid_transition token_taken"),
    ),
)]
async fn change_card(
    Bound(service): Bound,
    Id(id): Id<Token>,
    IfMatch(seen): IfMatch,
    JsonBody(body): JsonBody<PatchCard>,
) -> Answer {
    let change = body.parse()?;
    let card = service.change_card(Home::Personal, &id, seen, change).await?;
    answer::found(card.version, Card::from(card))
}
