# `just` lists these.

default:
    @just --list

# The rehearsal: a whole release on this machine.
demo:
    cargo run -- demo

# What every change has to pass.
ci:
    .ci/run

test *ARGS:
    cargo test {{ARGS}}

lint:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings

# Licences, sources, advisories (needs cargo-deny and its database).
deny:
    cargo deny check

# Benchmarks of the pure rooms.
bench:
    cargo bench --benches

# The image, as it is shipped.
image:
    docker build -t lockkeeper .
    docker run --rm lockkeeper --help
