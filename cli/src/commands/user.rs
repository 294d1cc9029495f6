//! `assay user`: who may ask a server.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use assay_serve::users;

use crate::args::{UserArgs, UserCommand};
use crate::config::Config;
use crate::exit::Outcome;
use crate::output::table::Table;
use crate::output::target::Target;

/// `assay user`.
pub fn run(config: &Config, args: &UserArgs) -> anyhow::Result<Outcome> {
    let path = file(config, args)?;
    match &args.command {
        UserCommand::Add(typed) => {
            let password = password(typed.password_file.as_deref())?;
            users::add(&path, &typed.name, typed.role, &password)?;
            println!("{} may ask as {}", typed.name, typed.role);
        }
        UserCommand::Remove(typed) => {
            users::remove(&path, &typed.name)?;
            println!("{} is removed", typed.name);
        }
        UserCommand::Passwd(typed) => {
            let password = password(typed.password_file.as_deref())?;
            users::set_password(&path, &typed.name, &password)?;
            println!("{} has a new password", typed.name);
        }
        UserCommand::List => {
            let mut target = Target::stdout();
            let mut table = Table::of_text(&["user", "role"], &mut target);
            for user in users::list(&path)? {
                table.push(vec![user.name, user.role.to_string()]);
            }
            table.print()?;
            target.finish()?;
        }
    }
    Ok(Outcome::Done)
}

fn file(config: &Config, args: &UserArgs) -> anyhow::Result<PathBuf> {
    match args.users.as_ref().or(config.serve.users.as_ref()) {
        Some(path) => Ok(path.clone()),
        None => bail!("which file of users? Name it with --users FILE"),
    }
}

/// The first line of a file, what is typed twice, or the first line of what is piped in.
fn password(file: Option<&Path>) -> anyhow::Result<String> {
    if let Some(path) = file {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the password from '{}'", path.display()))?;
        return Ok(text.lines().next().unwrap_or_default().to_owned());
    }
    if !io::stdin().is_terminal() {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).context("cannot read the password")?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let ask = |text: &str| {
        print!("{text}: ");
        io::stdout().flush()?;
        rpassword::read_password()
    };
    let first = ask("Password").context("cannot read the password")?;
    let again = ask("Once more").context("cannot read the password")?;
    if first != again {
        bail!("these were two different passwords");
    }
    Ok(first)
}
