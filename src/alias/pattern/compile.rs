//! [`Node`]s to a program for the matcher.

use std::collections::HashMap;

use super::class::Set;
use super::node::{At, Node, width};
use super::parse::{PatternError, parse};

/// Counted repeats are written out, so the program is bounded: time and memory are proportional to it.
const MAX_INSTRUCTIONS: usize = 20_000;
/// Bounds the writing itself: `(?:){1000}` nested writes no instruction but takes time.
const MAX_WORK: usize = 100_000;

/// One instruction. Targets are indices into the program.
#[derive(Debug, Clone)]
pub(super) enum Instruction {
    Char {
        c: char,
        ignore_case: bool,
    },
    Any {
        newline: bool,
    },
    Set(usize),
    At(At),
    /// Try `first`; if that fails, `second`.
    Split {
        first: usize,
        second: usize,
    },
    Jump(usize),
    /// Stores the position in a slot.
    Save(usize),
    /// The end of a loop body that may match nothing: without progress since the slot was saved, leaves the loop.
    Again {
        slot: usize,
        start: usize,
        exit: usize,
    },
    /// `(?=...)` and relatives: `body` ends in `Found`; `width` characters are stepped back first.
    Look {
        body: usize,
        width: usize,
        negated: bool,
        next: usize,
    },
    Found,
    Match,
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(super) code: Vec<Instruction>,
    pub(super) sets: Vec<Set>,
    /// Names of the named groups in order; group `i` uses slots `2i` and `2i + 1`.
    pub(crate) names: Vec<String>,
    pub(super) slots: usize,
    /// For each instruction its row in the table of visited states, if it has one.
    pub(super) rows: Vec<Option<Row>>,
    pub(super) row_count: usize,
    pub(super) has_look: bool,
    /// Only position 0 can start a match.
    pub(super) anchored: bool,
}

/// Where visits of an instruction are remembered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) number: usize,
    /// Inside a loop whose body may match nothing, what follows depends on whether there was progress since this
    /// slot was saved: without progress the next row counts.
    pub(super) slot: Option<usize>,
}

impl Program {
    /// Parses and compiles.
    pub(crate) fn compile(pattern: &str, dot_all: bool) -> Result<Program, PatternError> {
        Program::from_nodes(&parse(pattern, dot_all)?)
    }

    /// The number of instructions.
    #[cfg(test)]
    pub(crate) fn size(&self) -> usize {
        self.code.len()
    }

    /// Compiles; an error if the program would become too large.
    pub(crate) fn from_nodes(nodes: &[Node]) -> Result<Program, PatternError> {
        let mut names = Vec::new();
        collect_names(nodes, &mut names);
        let indices = names.iter().enumerate().map(|(index, name)| (name.clone(), index)).collect();
        let slots = names.len() * 2;
        let mut writer = Writer {
            code: Vec::new(),
            loops: Vec::new(),
            sets: Vec::new(),
            indices,
            slots,
            inside: None,
            work: 0,
            has_look: false,
        };
        writer.sequence(nodes)?;
        writer.push(Instruction::Match)?;
        let (rows, row_count) = rows(&writer.code, &writer.loops);
        let anchored =
            matches!(nodes.first(), Some(Node::At(At::BeginningOfText | At::Beginning { multiline: false })));
        let Writer { code, sets, slots, has_look, .. } = writer;
        Ok(Program { code, sets, names, slots, rows, row_count, has_look, anchored })
    }
}

/// States are remembered at splits and where paths join; between those a path is a straight line.
fn rows(code: &[Instruction], loops: &[Option<usize>]) -> (Vec<Option<Row>>, usize) {
    let mut marked = vec![false; code.len()];
    for (index, instruction) in code.iter().enumerate() {
        match instruction {
            Instruction::Split { .. } => marked[index] = true,
            Instruction::Jump(target) => marked[*target] = true,
            Instruction::Again { start, exit, .. } => {
                marked[*start] = true;
                marked[*exit] = true;
            }
            Instruction::Look { next, .. } => marked[*next] = true,
            Instruction::Char { .. } | Instruction::Any { .. } | Instruction::Set(_) | Instruction::At(_) => {
            }
            Instruction::Save(_) | Instruction::Found | Instruction::Match => {}
        }
    }
    let mut count = 0;
    let rows = marked.into_iter().zip(loops).map(|(marked, slot)| {
        let number = count;
        count += if !marked { 0 } else { 1 + usize::from(slot.is_some()) };
        marked.then_some(Row { number, slot: *slot })
    });
    let rows = rows.collect();
    (rows, count)
}

fn collect_names(nodes: &[Node], names: &mut Vec<String>) {
    for node in nodes {
        match node {
            Node::Group { name, body } => {
                names.extend(name.clone());
                collect_names(body, names);
            }
            Node::Repeat { body, .. } | Node::Look { body, .. } => collect_names(body, names),
            Node::Branch(alternatives) => alternatives.iter().for_each(|nodes| collect_names(nodes, names)),
            Node::Literal { .. } | Node::Any { .. } | Node::Set(_) | Node::At(_) => {}
        }
    }
}

struct Writer {
    code: Vec<Instruction>,
    /// For each instruction the slot of the innermost loop around it whose body may match nothing.
    loops: Vec<Option<usize>>,
    sets: Vec<Set>,
    indices: HashMap<String, usize>,
    slots: usize,
    inside: Option<usize>,
    work: usize,
    has_look: bool,
}

impl Writer {
    fn too_large(&self) -> PatternError {
        PatternError { what: "pattern is too large".into(), position: 0 }
    }

    fn push(&mut self, instruction: Instruction) -> Result<usize, PatternError> {
        if self.code.len() >= MAX_INSTRUCTIONS {
            return Err(self.too_large());
        }
        self.code.push(instruction);
        self.loops.push(self.inside);
        Ok(self.code.len() - 1)
    }

    /// A split whose ways are filled in by [`Writer::aim`]: `lazy` prefers to skip what follows it.
    fn split(&mut self) -> Result<usize, PatternError> {
        self.push(Instruction::Split { first: 0, second: 0 })
    }

    fn aim(&mut self, split: usize, enter: usize, skip: usize, lazy: bool) {
        let (first, second) = if lazy { (skip, enter) } else { (enter, skip) };
        self.code[split] = Instruction::Split { first, second };
    }

    fn sequence(&mut self, nodes: &[Node]) -> Result<(), PatternError> {
        nodes.iter().try_for_each(|node| self.node(node))
    }

    fn node(&mut self, node: &Node) -> Result<(), PatternError> {
        self.work += 1;
        if self.work > MAX_WORK {
            return Err(self.too_large());
        }
        match node {
            Node::Literal { c, ignore_case } => {
                self.push(Instruction::Char { c: *c, ignore_case: *ignore_case })?;
            }
            Node::Any { newline } => {
                self.push(Instruction::Any { newline: *newline })?;
            }
            Node::Set(set) => {
                let index = self.sets.iter().position(|known| known == set).unwrap_or(self.sets.len());
                if index == self.sets.len() {
                    self.sets.push(set.clone());
                }
                self.push(Instruction::Set(index))?;
            }
            Node::At(at) => {
                self.push(Instruction::At(*at))?;
            }
            Node::Group { name, body } => {
                match name.as_ref().and_then(|name| self.indices.get(name).copied()) {
                    Some(index) => {
                        self.push(Instruction::Save(index * 2))?;
                        self.sequence(body)?;
                        self.push(Instruction::Save(index * 2 + 1))?;
                    }
                    None => self.sequence(body)?,
                }
            }
            Node::Branch(alternatives) => self.branch(alternatives)?,
            Node::Repeat { min, max, lazy, body } => self.repeat(*min, *max, *lazy, body)?,
            Node::Look { behind, negated, body } => self.look(*behind, *negated, body)?,
        }
        Ok(())
    }

    fn branch(&mut self, alternatives: &[Vec<Node>]) -> Result<(), PatternError> {
        let mut jumps = Vec::new();
        for (index, nodes) in alternatives.iter().enumerate() {
            if index + 1 == alternatives.len() {
                self.sequence(nodes)?;
                break;
            }
            let split = self.split()?;
            self.sequence(nodes)?;
            jumps.push(self.push(Instruction::Jump(0))?);
            let next = self.code.len();
            self.aim(split, split + 1, next, false);
        }
        let end = self.code.len();
        for jump in jumps {
            self.code[jump] = Instruction::Jump(end);
        }
        Ok(())
    }

    fn repeat(&mut self, min: u32, max: Option<u32>, lazy: bool, body: &[Node]) -> Result<(), PatternError> {
        let nullable = width(body).0 == 0;
        let plain_loop = max.is_none() && !nullable;
        // `x+` is a body with a way back, so its last required copy is the loop itself.
        let copies = if plain_loop && min > 0 { min - 1 } else { min };
        for _ in 0..copies {
            self.sequence(body)?;
            self.work += 1;
        }
        match max {
            Some(max) => {
                let mut splits = Vec::new();
                for _ in min..max {
                    splits.push(self.split()?);
                    self.sequence(body)?;
                }
                let end = self.code.len();
                for split in splits {
                    self.aim(split, split + 1, end, lazy);
                }
            }
            None if plain_loop && min > 0 => {
                let start = self.code.len();
                self.sequence(body)?;
                let split = self.split()?;
                self.aim(split, start, split + 1, lazy);
            }
            None => {
                let split = self.split()?;
                if nullable {
                    let slot = self.slots;
                    self.slots += 1;
                    self.push(Instruction::Save(slot))?;
                    let outside = self.inside.replace(slot);
                    self.sequence(body)?;
                    self.inside = outside;
                    let exit = self.code.len() + 1;
                    self.push(Instruction::Again { slot, start: split, exit })?;
                } else {
                    self.sequence(body)?;
                    self.push(Instruction::Jump(split))?;
                }
                let end = self.code.len();
                self.aim(split, split + 1, end, lazy);
            }
        }
        Ok(())
    }

    fn look(&mut self, behind: bool, negated: bool, body: &[Node]) -> Result<(), PatternError> {
        self.has_look = true;
        let width = if behind { usize::try_from(width(body).0).unwrap_or(usize::MAX) } else { 0 };
        let look = self.push(Instruction::Found)?;
        self.sequence(body)?;
        self.push(Instruction::Found)?;
        let next = self.code.len();
        self.code[look] = Instruction::Look { body: look + 1, width, negated, next };
        Ok(())
    }
}
