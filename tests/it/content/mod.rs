//! Content as people write it: what loads, what is refused and in which words.

mod bind;
mod corpus;
mod faults;
mod sensor;
mod settings;
mod shorthand;
mod survey;

use lockkeeper::content::{Catalogue, SourceFile, load, report};

const PACK: &str = "name: demo\ndescription: d\nversion: 1.0.0\nauthor: a\n";

/// Loads a pack `demo` of these files (paths below the pack) and gives the report as well.
fn demo(files: &[(&str, &str)]) -> (Catalogue, String) {
    let mut sources = vec![SourceFile::text("commands/demo/pack.yaml", PACK)];
    sources.extend(files.iter().map(|(path, text)| SourceFile::text(format!("commands/demo/{path}"), *text)));
    let (catalogue, diagnostics) = load(&sources);
    (catalogue, report(&diagnostics))
}
