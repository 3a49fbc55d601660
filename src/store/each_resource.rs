//! The methods of [`super::ResourceStore`] that decorators pass on, each kind in a way of their own. Listed
//! once: what is added to the port is added for all of them.

/// Calls a macro with the methods that write, those that remove (and may find nothing), and those that read.
macro_rules! each_resource {
    ($pass_on:ident) => {
        $pass_on! {
            writes {
                fn insert_company(company: Company, account: Account) -> Vec<PolicyStamp>;
                fn update_company(company: Company) -> Vec<PolicyStamp>;
                fn insert_user(user: User) -> Vec<PolicyStamp>;
                fn update_user(user: User) -> Vec<PolicyStamp>;
                fn insert_card(card: Card) -> Vec<PolicyStamp>;
                fn update_card(card: Card) -> Vec<PolicyStamp>;
                fn insert_users(users: Vec<User>) -> Vec<PolicyStamp>;
                fn insert_cards(cards: Vec<Card>) -> Vec<PolicyStamp>;
                fn insert_wallet(wallet: Wallet, account: Account) -> Vec<PolicyStamp>;
                fn update_wallet(wallet: Wallet) -> Vec<PolicyStamp>;
                fn insert_limit(limit: Limit) -> Vec<PolicyStamp>;
                fn insert_limits(limits: Vec<Limit>) -> Vec<PolicyStamp>;
                fn update_limit(limit: Limit) -> Vec<PolicyStamp>;
                fn insert_kyc(record: KycRecord) -> Vec<PolicyStamp>;
                fn decide_kyc(record: KycRecord, grant: Option<KycGrant>) -> Vec<PolicyStamp>;
                fn insert_control(control: Control) -> Vec<PolicyStamp>;
                fn update_control(control: Control) -> Vec<PolicyStamp>;
            }
            removals {
                fn delete_limit(id: LimitId);
                fn delete_control(id: ControlId);
            }
            reads {
                fn company(id: CompanyId) -> Option<Company>;
                fn user_record(id: UserId) -> Option<User>;
                fn card_record(id: CardId) -> Option<Card>;
                fn wallet(account: AccountId) -> Option<Wallet>;
                fn wallets_of(user: UserId) -> Vec<Wallet>;
                fn account(id: AccountId) -> Option<Account>;
                fn limit(id: LimitId) -> Option<Limit>;
                fn control(id: ControlId) -> Option<Control>;
                fn kyc(id: KycId) -> Option<KycRecord>;
            }
        }
    };
}

pub(super) use each_resource;
