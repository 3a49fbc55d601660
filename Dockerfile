# syntax=docker/dockerfile:1
# Two stages: the dependencies are a layer of their own, so that a change of ours rebuilds only ours;
# the result is one program on distroless (no shell, no package manager), not root, and it writes
# nowhere but to /var/lib/tollgate: run it with a read-only root file system.

FROM rust:1.95-slim-bookworm AS builder
WORKDIR /build

# An empty program with our manifest compiles everything that is not ours. (rust-toolchain.toml stays
# out: it would download the formatter and the linter, which the image does not need.) cargo wants a file
# for each benchmark that the manifest names, and never looks into it here.
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
RUN mkdir -p src benches \
    && echo '//! Empty.' > src/lib.rs \
    && printf '//! Empty.\nfn main() {}\n' > src/main.rs \
    && sed -n '/^\[\[bench\]\]$/,/^name/s/^name = "\(.*\)"$/benches\/\1.rs/p' Cargo.toml > benches/names \
    && xargs touch < benches/names \
    && cargo build --locked --profile dist --bin tollgate \
    && rm -rf src

COPY config config
COPY docs/errors docs/errors
COPY migrations migrations
COPY src src
# Copied files may be older than the empty ones were.
RUN touch src/main.rs src/lib.rs \
    && cargo build --locked --profile dist --bin tollgate \
    && mkdir -p /out/bin /out/etc /out/data \
    && cp target/dist/tollgate /out/bin/tollgate \
    && cp -r config /out/etc/config

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=builder /out/bin/tollgate /usr/local/bin/tollgate
# config/{TOLLGATE_ENV}.toml is looked for below the working folder.
COPY --from=builder /out/etc/config /etc/tollgate/config
COPY --from=builder --chown=65532:65532 /out/data /var/lib/tollgate

WORKDIR /etc/tollgate
USER 65532:65532
ENV TOLLGATE__HTTP__LISTEN=0.0.0.0:3000 \
    TOLLGATE__DATA_DIR=/var/lib/tollgate \
    TOLLGATE__LOG__FORMAT=json \
    MIMALLOC_ALLOW_THP=0
VOLUME /var/lib/tollgate
EXPOSE 3000
# SIGTERM: not ready at once, open for http.drain_ms, gone within 10 s, by force after 25. Give it 30 before
# SIGKILL.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/tollgate", "health", "--path", "/ready"]
ENTRYPOINT ["/usr/local/bin/tollgate"]
CMD ["serve"]
