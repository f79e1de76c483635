//! What a pattern tells about every text it matches: the index looks only at formats that can match.

use super::pattern::{Node, fold, is_space};

/// Cheap facts about a format.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Traits {
    /// Words (runs between white space or the text's ends) that every matching text holds; lower case, sorted.
    pub(super) words: Vec<String>,
    /// The longest run of characters that every matching text holds; lower case, empty if there is none.
    pub(super) factor: String,
    /// How many characters match only themselves: the measure of how specific a format is.
    pub(super) literals: usize,
}

impl Traits {
    /// Reads the facts off a parsed pattern, anchors included.
    pub(super) fn of(nodes: &[Node]) -> Traits {
        Traits { words: words(nodes), factor: factor(nodes), literals: literals(nodes) }
    }
}

fn literals(nodes: &[Node]) -> usize {
    let count = |node: &Node| match node {
        Node::Literal { c, .. } => usize::from(!is_space(*c)),
        Node::Group { name: None, body } => literals(body),
        Node::Branch(alternatives) => alternatives.iter().map(|nodes| literals(nodes)).min().unwrap_or(0),
        Node::Group { .. } | Node::Any { .. } | Node::Set(_) | Node::At(_) => 0,
        Node::Repeat { .. } | Node::Look { .. } => 0,
    };
    nodes.iter().map(count).sum()
}

fn factor(nodes: &[Node]) -> String {
    let mut longest = String::new();
    let mut run = String::new();
    for node in nodes {
        match node {
            Node::Literal { c, ignore_case: false } => run.push(fold(*c)),
            Node::At(_) => {}
            Node::Literal { .. } | Node::Any { .. } | Node::Set(_) | Node::Group { .. } => run.clear(),
            Node::Branch(_) | Node::Repeat { .. } | Node::Look { .. } => run.clear(),
        }
        if run.trim().len() > longest.len() {
            longest = run.trim().to_owned();
        }
    }
    longest
}

fn words(nodes: &[Node]) -> Vec<String> {
    let mut words = Vec::new();
    // The word so far, once its left side is known to be a boundary.
    let mut word: Option<String> = None;
    for (index, node) in nodes.iter().enumerate() {
        let close = |word: Option<String>, words: &mut Vec<String>| {
            words.extend(word.filter(|word| !word.is_empty()));
            Some(String::new())
        };
        word = match (node, word) {
            (Node::Literal { c, .. }, word) if is_space(*c) => close(word, &mut words),
            (Node::Literal { c, ignore_case: false }, Some(mut word)) => {
                word.push(fold(*c));
                Some(word)
            }
            (node, word) if node.is_edge() => close(word, &mut words),
            (Node::Repeat { min, body, .. }, word) if is_space_set(body) => {
                let fresh = word.as_ref().is_some_and(String::is_empty);
                let last = nodes.get(index + 1).is_some_and(Node::is_end);
                if *min > 0 || last { close(word, &mut words) } else { fresh.then(String::new) }
            }
            (_, _) => None,
        };
    }
    words.sort();
    words.dedup();
    words
}

fn is_space_set(body: &[Node]) -> bool {
    match body {
        [Node::Set(set)] => set.is_space_only(),
        [Node::Literal { c, .. }] => is_space(*c),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::format::Format;

    fn words(format: &str) -> String {
        Format::compile(format).unwrap().traits().words.join(" ")
    }

    #[test]
    fn only_words_that_must_stand_alone_are_required() {
        assert_eq!(words("Deploy {{app}} to {{env=x}}"), "deploy");
        assert_eq!(words("deploy {{app}} to {{env}} now"), "deploy now to");
        assert_eq!(words("restart nginx"), "nginx restart");
        assert_eq!(words("restart? nginx"), "nginx");
        assert_eq!(words("restart.nginx"), "");
        assert_eq!(words(r"^\s*foo\s+bar\s*$"), "bar foo");
        assert_eq!(words(r"foo\s*\b-x"), "");
        assert_eq!(words(r"^\s*foo(bar)?\s*$"), "");
        assert_eq!(words("a|b c"), "");
        assert_eq!(words("(?i:deploy) app"), "app");
        assert_eq!(words("show{{a}}"), "");
    }

    #[test]
    fn the_factor_is_the_longest_run_that_must_occur() {
        assert_eq!(Format::compile("(please )?Restart {{svc}} to").unwrap().traits().factor, "restart");
        assert_eq!(Format::compile("{{a}}").unwrap().traits().factor, "");
    }
}
