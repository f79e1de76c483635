//! Which files belong to a package: paths and globs as in a `.gitignore`, without negation.

/// One `include` or `exclude`.
///
/// - `.` is everything; `lib/` and `lib` are that folder and all in it;
/// - `*` and `?` stay within one name, `**` crosses folders;
/// - without a slash it means this name in any folder (`.git`, `*.o`); with one it starts at the root.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    parts: Vec<String>,
    anywhere: bool,
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        let anchored = text.trim_end_matches('/').contains('/');
        let parts: Vec<String> =
            text.split('/').filter(|it| !it.is_empty() && *it != ".").map(str::to_owned).collect();
        Self { anywhere: !anchored && !parts.is_empty(), parts }
    }

    /// Whether the pattern means this path or a folder above it. Paths are relative, with slashes.
    pub(super) fn covers(&self, path: &str) -> bool {
        if self.parts.is_empty() {
            return true;
        }
        let names: Vec<&str> = path.split('/').collect();
        if self.anywhere {
            return names.iter().any(|it| matches_name(self.parts[0].as_bytes(), it.as_bytes()));
        }
        (1..=names.len()).any(|length| matches_path(&self.parts, &names[..length]))
    }
}

fn matches_path(parts: &[String], names: &[&str]) -> bool {
    match parts.split_first() {
        None => names.is_empty(),
        Some((part, rest)) if part == "**" => {
            (0..=names.len()).any(|skip| matches_path(rest, &names[skip..]))
        }
        Some((part, rest)) => names.split_first().is_some_and(|(name, names)| {
            matches_name(part.as_bytes(), name.as_bytes()) && matches_path(rest, names)
        }),
    }
}

/// Linear but for the last star, to which it may come back.
fn matches_name(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut of) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while of < name.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at, of));
            at += 1;
        } else if pattern.get(at).is_some_and(|&it| it == b'?' || it == name[of]) {
            at += 1;
            of += 1;
        } else if let Some((star_at, star_of)) = star {
            star = Some((star_at, star_of + 1));
            at = star_at + 1;
            of = star_of + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|&it| it == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_a_gitignore_means() {
        let cases = [
            (".", "any/thing", true),
            (".git", ".git/config", true),
            (".git", "vendor/.git/config", true),
            (".git", ".github/x", false),
            ("*.o", "src/a.o", true),
            ("build/", "build/out", true),
            ("src/*.rs", "src/a.rs", true),
            ("src/*.rs", "src/deep/a.rs", false),
            ("src/**/*.rs", "src/deep/er/a.rs", true),
            ("src/**/*.rs", "src/a.rs", true),
            ("/bin", "bin/x", true),
            ("a?c", "abc", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
        ];
        for (pattern, path, expected) in cases {
            assert_eq!(Pattern::new(pattern).covers(path), expected, "{pattern} on {path}");
        }
    }
}
