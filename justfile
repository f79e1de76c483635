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

# Kills a bot before and after every commit of a release, 4 worlds at a time, and prints what became of each: ten
# minutes on two cores. CRASH_STRIDE=n takes every n-th; CRASH_WORLDS=n at a time.
crash:
    CRASH_STRIDE=${CRASH_STRIDE:-1} cargo test --features crash-points --test crash -- --nocapture

lint:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings

# Licences, sources, advisories (needs cargo-deny and its database).
deny:
    cargo deny check

# Every figure of docs/speed.md beside its bound, from a release build; `just bench --only alias`, `just bench --help`.
bench *ARGS:
    cargo bench --locked --bench bound -- {{ARGS}}

# Criterion's benchmarks of the pure rooms.
bench-pure *ARGS:
    cargo bench --locked --bench alias --bench expression --bench rollout --bench workflow -- {{ARGS}}

# The image, as it is shipped.
image:
    docker build -t lockkeeper .
    docker run --rm lockkeeper --help
