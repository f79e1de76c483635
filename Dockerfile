# Two stages: the first builds, the second holds the binary and what it calls (git, ssh, Python). Runs as nobody in
# particular.
FROM rust:1.95-bookworm AS build
WORKDIR /src
# Dependencies first, so that a change of our code does not build them again.
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src benches tests/it \
    && echo 'fn main() {}' > src/main.rs && touch src/lib.rs \
    && for it in $(sed -n '/\[\[bench\]\]/,/name/s/^name = "\(.*\)"/\1/p' Cargo.toml); do echo 'fn main() {}' > "benches/$it.rs"; done \
    && echo 'fn main() {}' > tests/it/main.rs && echo 'fn main() {}' > tests/ssh.rs \
    && cargo build --release --locked && rm -rf src benches tests
COPY . .
RUN touch src/main.rs src/lib.rs && cargo build --release --locked && ./target/release/lockkeeper --help >/dev/null

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates git openssh-client python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 lockkeeper \
    && useradd --system --uid 10001 --gid 10001 --create-home --home-dir /home/lockkeeper lockkeeper \
    && install -d -o lockkeeper -g lockkeeper /etc/lockkeeper /var/lib/lockkeeper
COPY --from=build /src/target/release/lockkeeper /usr/local/bin/lockkeeper
# By number: who only sees the image can tell that it is not root (Kubernetes' `runAsNonRoot`).
USER 10001:10001
WORKDIR /var/lib/lockkeeper
VOLUME ["/var/lib/lockkeeper"]
EXPOSE 8420
HEALTHCHECK --interval=15s --timeout=3s --start-period=10s CMD ["/usr/local/bin/lockkeeper", "doctor", "--health", "--config", "/etc/lockkeeper/lockkeeper.yaml"]
ENTRYPOINT ["/usr/local/bin/lockkeeper"]
CMD ["serve", "--config", "/etc/lockkeeper/lockkeeper.yaml"]
