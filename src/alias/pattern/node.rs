//! The parsed pattern, and StackStorm's search for anchors in it.

use super::class::Set;

/// One item of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Literal {
        c: char,
        ignore_case: bool,
    },
    /// `.`; `newline` tells whether it matches a line feed.
    Any {
        newline: bool,
    },
    Set(Set),
    At(At),
    /// A group; `name` of a named one. The numbers of unnamed groups are never asked for.
    Group {
        name: Option<String>,
        body: Vec<Node>,
    },
    Branch(Vec<Vec<Node>>),
    Repeat {
        min: u32,
        max: Option<u32>,
        lazy: bool,
        body: Vec<Node>,
    },
    Look {
        behind: bool,
        negated: bool,
        body: Vec<Node>,
    },
}

/// A position assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// `^`
    Beginning { multiline: bool },
    /// `\A`
    BeginningOfText,
    /// `$`: the end, or just before a final line feed.
    End { multiline: bool },
    /// `\Z`
    EndOfText,
    /// `\b`, or `\B` if negated.
    WordBoundary { negated: bool, ascii: bool },
}

/// Whether StackStorm finds a beginning anchor: see [`has_anchor`].
pub(crate) fn has_beginning_anchor(nodes: &[Node]) -> bool {
    has_anchor(nodes, |at| matches!(at, At::Beginning { .. } | At::BeginningOfText))
}

/// Whether StackStorm finds an ending anchor: see [`has_anchor`].
pub(crate) fn has_ending_anchor(nodes: &[Node]) -> bool {
    has_anchor(nodes, |at| matches!(at, At::End { .. } | At::EndOfText))
}

/// `search_regex_tokens` of st2's `action_alias_utils.py`: looks at the items themselves, into groups, and into the
/// *second* alternative of an alternation only; never into repeats and look-arounds.
fn has_anchor(nodes: &[Node], wanted: fn(At) -> bool) -> bool {
    nodes.iter().any(|node| match node {
        Node::At(at) => wanted(*at),
        Node::Group { body, .. } => has_anchor(body, wanted),
        Node::Branch(alternatives) => alternatives.get(1).is_some_and(|second| has_anchor(second, wanted)),
        Node::Literal { .. } | Node::Any { .. } | Node::Set(_) | Node::Repeat { .. } | Node::Look { .. } => {
            false
        }
    })
}

/// The smallest and largest number of characters the items match; `None`: no upper limit.
pub(crate) fn width(nodes: &[Node]) -> (u64, Option<u64>) {
    let mut low = 0u64;
    let mut high = Some(0u64);
    for node in nodes {
        let (node_low, node_high) = node_width(node);
        low = low.saturating_add(node_low);
        high = high.zip(node_high).map(|(sum, more)| sum.saturating_add(more));
    }
    (low, high)
}

fn node_width(node: &Node) -> (u64, Option<u64>) {
    match node {
        Node::Literal { .. } | Node::Any { .. } | Node::Set(_) => (1, Some(1)),
        Node::At(_) | Node::Look { .. } => (0, Some(0)),
        Node::Group { body, .. } => width(body),
        Node::Branch(alternatives) => {
            let widths: Vec<_> = alternatives.iter().map(|nodes| width(nodes)).collect();
            let low = widths.iter().map(|(low, _)| *low).min().unwrap_or(0);
            let high = widths
                .iter()
                .map(|(_, high)| *high)
                .try_fold(0, |most, high| high.map(|high| most.max(high)));
            (low, high)
        }
        Node::Repeat { min, max, body, .. } => {
            let (low, high) = width(body);
            let most = match (max, high) {
                (_, Some(0)) | (Some(0), _) => Some(0),
                (Some(max), Some(high)) => Some(high.saturating_mul(u64::from(*max))),
                (None, _) | (_, None) => None,
            };
            (low.saturating_mul(u64::from(*min)), most)
        }
    }
}

impl Node {
    /// Whether this asserts the beginning or the end of the whole text.
    pub(crate) fn is_edge(&self) -> bool {
        self.is_end() || matches!(self, Node::At(At::Beginning { multiline: false } | At::BeginningOfText))
    }

    /// Whether this asserts the end of the whole text.
    pub(crate) fn is_end(&self) -> bool {
        matches!(self, Node::At(At::End { multiline: false } | At::EndOfText))
    }
}
