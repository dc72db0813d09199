//! `yinku user` and `yinku token`: the first users and tokens, without a login.

use std::io::Read;

use anyhow::{Context, bail};
use clap::Subcommand;
use yinku::{
    audit::{self, Act, COMMAND_LINE, NewEntry},
    clock::Clock,
    db::Db,
    id::UserId,
    user::{Role, Roles, User, login},
};

use crate::cli::print;

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Make a user; the password is read from standard input.
    Add {
        name: String,
        /// admin, operator, archivist, auditor or member; may be repeated.
        #[arg(long = "role", required = true)]
        roles: Vec<Role>,
        #[arg(long, required = true)]
        password_stdin: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token with a user's rights; it is printed once.
    Create {
        #[arg(long)]
        user: String,
        /// What it is for.
        #[arg(long, default_value = "command line")]
        name: String,
    },
}

pub(crate) async fn user(db: &Db, command: UserCommand) -> anyhow::Result<()> {
    let UserCommand::Add { name, roles, .. } = command;
    let mut password = String::new();
    std::io::stdin().read_to_string(&mut password).context("cannot read the password")?;
    let password = password.trim_end_matches(['\n', '\r']).to_owned();
    if password.chars().count() < 12 {
        bail!("the password must have at least 12 characters");
    }
    if User::named(db, &name).await?.is_some() {
        bail!("there is a user {name:?} already");
    }
    let user = User {
        id: UserId::new(),
        username: name.clone(),
        display_name: name,
        roles: Roles(roles),
        employee_no: None,
        mobile: None,
        manager: None,
        disabled: false,
        created_at: Clock::System.now(),
    };
    let hash = login::hash_password(password).await?;
    let mut tx = db.begin().await?;
    user.insert(&hash, &mut tx).await?;
    let (username, act, subject) = (COMMAND_LINE, Act::UserMade, user.id.as_str());
    let act = NewEntry::new(username, act, subject).detail(&user.username);
    audit::commit(tx, act, user.created_at).await?;
    print::answer(user.id.as_str());
    Ok(())
}

pub(crate) async fn token(db: &Db, command: TokenCommand) -> anyhow::Result<()> {
    let TokenCommand::Create { user, name } = command;
    let user = User::named(db, &user).await?.with_context(|| format!("there is no user {user:?}"))?;
    let mut tx = db.begin().await?;
    let now = Clock::System.now();
    let (id, token) = login::make_token(&mut tx, &user.id, &name, now).await?;
    let detail = format!("for {}: {name}", user.username);
    let (username, act, subject) = (COMMAND_LINE, Act::TokenMade, id.as_str());
    audit::commit(tx, NewEntry::new(username, act, subject).detail(&detail), now).await?;
    print::answer(&token);
    Ok(())
}
