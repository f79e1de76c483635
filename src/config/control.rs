use serde::{Deserialize, Deserializer, de};

/// Who reaches the bot's command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ControlConfig {
    #[serde(deserialize_with = "from_text")]
    pub open_to: OpenTo,
}

/// Which users of this machine may connect to the control socket. What they may do then is another question: who they
/// are is the kernel's word, and `people.yaml` says what that person may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OpenTo {
    /// `everyone`: as PostgreSQL's socket is under peer authentication
    /// (<https://www.postgresql.org/docs/current/runtime-config-connection.html#GUC-UNIX-SOCKET-PERMISSIONS>).
    #[default]
    Everyone,
    /// `group:NAME`: the bot's own user, and the members of a group of the operating system.
    Group(String),
    /// `owner`: only the bot's own user.
    Owner,
}

impl OpenTo {
    /// The permission bits of the socket; connecting takes the right to write.
    pub fn mode(&self) -> u32 {
        match self {
            OpenTo::Everyone => 0o666,
            OpenTo::Group(_) => 0o660,
            OpenTo::Owner => 0o600,
        }
    }
}

fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OpenTo, D::Error> {
    let text = String::deserialize(deserializer)?;
    match (text.as_str(), text.strip_prefix("group:")) {
        ("everyone", _) => Ok(OpenTo::Everyone),
        ("owner", _) => Ok(OpenTo::Owner),
        (_, Some(group)) if !group.is_empty() => Ok(OpenTo::Group(group.to_owned())),
        (_, Some(_) | None) => {
            Err(de::Error::custom("the control socket is open to `everyone`, `group:NAME` or `owner`"))
        }
    }
}
