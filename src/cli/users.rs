//! `yinku user` and `yinku token`: create users and tokens without a login.

use std::io::Read;

use crate::{
    audit::COMMAND_LINE,
    clock::Clock,
    config::AuthConfig,
    db::Db,
    user::{
        Role, User,
        manage::{self, NewUser},
        new_password,
        token::{self, Scope, TokenTerms},
        totp,
    },
};
use anyhow::{Context, bail};
use clap::Subcommand;

use crate::cli::print;

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Create a user. Reads the password from standard input.
    Add {
        name: String,
        /// admin, operator, archivist, auditor or member. Repeat the option for more roles.
        #[arg(long = "role", required = true)]
        roles: Vec<Role>,
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Set the password of a user and end the user's sessions. Reads the password from standard input.
    Password {
        name: String,
        #[arg(long, required = true)]
        password_stdin: bool,
        /// The user must change the password at the next login.
        #[arg(long)]
        must_change: bool,
    },
    /// Remove the one-time codes of a user, for an authenticator that was lost.
    Totp {
        name: String,
        #[arg(long, required = true)]
        remove: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Create a token with the rights of a user. Prints the token once.
    Create {
        #[arg(long)]
        user: String,
        /// The purpose of the token.
        #[arg(long, default_value = "command line")]
        name: String,
        /// read, upload or all.
        #[arg(long, default_value = "all")]
        scope: Scope,
        /// Lifetime in days. Default: auth.token_days.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: Option<u32>,
    },
}

pub(crate) async fn user(db: &Db, command: UserCommand) -> anyhow::Result<()> {
    let now = Clock::System.now();
    match command {
        UserCommand::Add { name, roles, .. } => add(db, name, roles).await,
        UserCommand::Password { name, must_change, .. } => {
            let user = named(db, &name).await?;
            Ok(new_password::give(db, COMMAND_LINE, &user, password_from_stdin()?, must_change, now).await?)
        }
        UserCommand::Totp { name, .. } => {
            let user = named(db, &name).await?;
            if !totp::remove(db, COMMAND_LINE, &user.id, now).await? {
                bail!("the user {name:?} has no one-time codes; there is nothing to remove");
            }
            Ok(())
        }
    }
}

async fn named(db: &Db, name: &str) -> anyhow::Result<User> {
    let found = User::named(db, name).await?;
    found.with_context(|| format!("the user {name:?} does not exist; create it with yinku user add"))
}

fn password_from_stdin() -> anyhow::Result<String> {
    let mut password = String::new();
    std::io::stdin().read_to_string(&mut password).context("cannot read the password from standard input")?;
    Ok(password.trim_end_matches(['\n', '\r']).to_owned())
}

async fn add(db: &Db, name: String, roles: Vec<Role>) -> anyhow::Result<()> {
    let password = password_from_stdin()?;
    let new = NewUser {
        username: name.clone(),
        display_name: name,
        password,
        roles,
        employee_no: None,
        mobile: None,
        manager: None,
        must_change: false,
    };
    let user = manage::create(db, COMMAND_LINE, new, Clock::System.now()).await?;
    print::to_stdout(user.id.as_str())
}

pub(crate) async fn token(db: &Db, config: &AuthConfig, command: TokenCommand) -> anyhow::Result<()> {
    let TokenCommand::Create { user, name, scope, days } = command;
    let user = named(db, &user).await?;
    let terms = TokenTerms { name: &name, scope, days: days.unwrap_or(config.token_days) };
    let detail = format!("for {}: {name}", user.username);
    let (_, token) = token::issue(db, COMMAND_LINE, &user, terms, &detail, Clock::System.now()).await?;
    print::to_stdout(&token)
}
