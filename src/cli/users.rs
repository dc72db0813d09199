//! `yinku user` and `yinku token`: create users and tokens without a login.

use std::io::Read;

use crate::{
    audit::COMMAND_LINE,
    clock::Clock,
    db::Db,
    user::{
        Role, User, login,
        manage::{self, NewUser},
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
    },
}

pub(crate) async fn user(db: &Db, command: UserCommand) -> anyhow::Result<()> {
    let UserCommand::Add { name, roles, .. } = command;
    let mut password = String::new();
    std::io::stdin().read_to_string(&mut password).context("cannot read the password from standard input")?;
    let password = password.trim_end_matches(['\n', '\r']).to_owned();
    if User::named(db, &name).await?.is_some() {
        bail!("the user {name:?} already exists; choose another name");
    }
    let new = NewUser {
        username: name.clone(),
        display_name: name,
        password,
        roles,
        employee_no: None,
        mobile: None,
        manager: None,
    };
    let user = manage::create(db, COMMAND_LINE, new, Clock::System.now()).await?;
    print::to_stdout(user.id.as_str())
}

pub(crate) async fn token(db: &Db, command: TokenCommand) -> anyhow::Result<()> {
    let TokenCommand::Create { user, name } = command;
    let user = User::named(db, &user)
        .await?
        .with_context(|| format!("the user {user:?} does not exist; create it with yinku user add"))?;
    let detail = format!("for {}: {name}", user.username);
    let (_, token) = login::issue_token(db, COMMAND_LINE, &user, &name, &detail, Clock::System.now()).await?;
    print::to_stdout(&token)
}
