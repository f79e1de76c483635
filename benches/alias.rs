//! How long a message takes: against few and many aliases, and when it is hostile.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lockkeeper::alias::{ActionAlias, AliasFormat, Compat, Format, Index, Mode};

fn index(count: usize) -> Index {
    let aliases = (0..count).map(|number| ActionAlias {
        name: format!("deploy_{number}"),
        pack: "bench".into(),
        action_ref: "bench.deploy".into(),
        formats: vec![AliasFormat::from_text(format!(
            "deploy app{number} {{{{env}}}} {{{{version=latest}}}}"
        ))],
        ..ActionAlias::default()
    });
    Index::build(aliases.collect()).0
}

fn find(criterion: &mut Criterion) {
    for count in [100, 10_000] {
        let index = index(count);
        for (name, message) in [("hit", "deploy app51 production v2"), ("miss", "depoly app51 production v2")]
        {
            criterion.bench_function(&format!("find {name} among {count}"), |bench| {
                bench.iter(|| index.find(black_box(message), Mode::Strict, Compat::Mended));
            });
        }
    }
}

fn hostile(criterion: &mut Criterion) {
    let blanks = format!("deploy web {}!", "a=b   ".repeat(8_000));
    let words = "deploy x to ".repeat(4_000);
    let letters = "a".repeat(48_000);
    let cases =
        [("deploy {{app}}", &blanks), ("deploy {{a}} to {{b}} on {{c}} x", &words), ("(a*)*b", &letters)];
    for (format, message) in cases {
        let compiled = Format::compile(format).expect("the format is valid");
        criterion.bench_function(&format!("48 KB of hostile text against {format}"), |bench| {
            bench.iter(|| compiled.parse(black_box(message), Compat::Exact).is_ok());
        });
    }
}

criterion_group!(benches, find, hostile);
criterion_main!(benches);
