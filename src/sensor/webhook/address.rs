//! Addresses of one repository differ by scheme, user, port, `.git` and case; what is left names it.

/// Whether both addresses lead to the same repository, as far as their texts can tell.
pub fn same_repository(one: &str, other: &str) -> bool {
    let name = name(one);
    name.is_some() && name == self::name(other)
}

/// `github.com/acme/shop` of every way to write it; a path of this machine stays as it is.
fn name(address: &str) -> Option<String> {
    let address = address.trim();
    if let Some(path) = address.strip_prefix("file://") {
        return local(path);
    }
    if let Some((scheme, rest)) = address.split_once("://") {
        let (authority, path) = rest.split_once('/')?;
        return remote(&scheme.to_lowercase(), authority, path);
    }
    // git@github.com:acme/shop.git: the colon comes before any slash.
    match address.split_once(':') {
        Some((authority, path)) if !authority.contains('/') => remote("ssh", authority, path),
        Some(_) | None => local(address),
    }
}

fn local(path: &str) -> Option<String> {
    let path = bare(path);
    path.starts_with('/').then(|| path.to_owned())
}

fn remote(scheme: &str, authority: &str, path: &str) -> Option<String> {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_lowercase();
    let host = match (scheme, host.rsplit_once(':')) {
        // Where ssh listens says nothing about which repository it is.
        ("ssh" | "git+ssh", Some((name, _))) => name.to_owned(),
        ("https", Some((name, "443"))) | ("http", Some((name, "80"))) | ("git", Some((name, "9418"))) => {
            name.to_owned()
        }
        (_, _) => host,
    };
    // https://docs.github.com/en/authentication/troubleshooting-ssh/using-ssh-over-the-https-port
    let host = if host == "ssh.github.com" || host == "www.github.com" { "github.com" } else { &host };
    let path = bare(path.trim_start_matches('/')).to_lowercase();
    (!host.is_empty() && !path.is_empty()).then(|| format!("{host}/{path}"))
}

fn bare(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_it_is_the_same_repository() {
        for address in [
            "https://github.com/acme/shop",
            "https://github.com/acme/shop.git",
            "https://github.com/Acme/Shop.git/",
            "https://x-access-token:t@GitHub.com:443/acme/shop.git",
            "https://www.github.com/acme/shop",
            "git@github.com:acme/shop.git",
            "github.com:acme/shop",
            "ssh://git@github.com/acme/shop.git",
            "ssh://git@ssh.github.com:443/acme/shop.git",
            "git://github.com/acme/shop.git",
            " git@github.com:/acme/shop.git ",
        ] {
            assert!(same_repository(address, "https://github.com/acme/shop.git"), "{address}");
        }
    }

    #[test]
    fn another_host_owner_name_or_port_is_another_repository() {
        for address in [
            "https://github.com/acme/shop2",
            "https://github.com/evil/shop",
            "https://github.com.evil.example/acme/shop",
            "https://github.com@evil.example/acme/shop",
            "https://ghe.example:8443/acme/shop",
            "/acme/shop",
            "",
        ] {
            assert!(!same_repository(address, "https://github.com/acme/shop.git"), "{address}");
        }
        assert!(!same_repository("https://ghe.example:8443/a/b", "https://ghe.example/a/b"));
    }

    #[test]
    fn paths_of_this_machine_keep_their_case() {
        assert!(same_repository("file:///srv/git/shop.git", "/srv/git/shop"));
        assert!(!same_repository("/srv/git/Shop", "/srv/git/shop"));
    }

    #[test]
    fn two_addresses_that_name_nothing_are_not_the_same() {
        assert!(!same_repository("", ""));
        assert!(!same_repository("shop", "shop"));
        assert!(!same_repository("https://github.com/", "https://github.com/"));
    }
}
