# The API in a container: one static program and the certificates of the authorities, nothing else.
#
# deploy/image builds it. BUILDER is an image with Rust, a C compiler and CA certificates; deploy/pins
# names the one that the pipelines use. For another processor: --platform linux/arm64.
ARG BUILDER

# Only what the dependencies depend on, so that the layer of the compiled dependencies is made again
# only when a manifest or Cargo.lock changes.
FROM ${BUILDER} AS manifests
WORKDIR /all
COPY . .
RUN set -eu; mkdir /manifests; \
    find . \( -name Cargo.toml -o -name Cargo.lock \) -exec cp --parents {} /manifests \; ; \
    cd /manifests; \
    for file in $(find . -mindepth 2 -name Cargo.toml); do \
        folder="${file%/Cargo.toml}"; mkdir -p "$folder/src"; : >"$folder/src/lib.rs"; \
    done; \
    (cd /all; find . -path '*/src/main.rs' -o -path '*/src/bin/*.rs' -o -path './once/tests/lib.rs' -o -path './tests/lib.rs' -o -path '*/benches/*.rs') | \
    while read -r file; do mkdir -p "${file%/*}"; echo 'fn main() {}' >"$file"; done

FROM ${BUILDER} AS build
# Static: nothing of a system is needed to start. With --target, build scripts stay as they are.
ENV RUSTFLAGS="-C target-feature=+crt-static"
# cargo takes these from its environment. deploy/image --quick sets the first two.
ARG CARGO_PROFILE_RELEASE_OPT_LEVEL=3
ARG CARGO_PROFILE_RELEASE_LTO=fat
ARG CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1
ARG CARGO_NET_OFFLINE=false
WORKDIR /src
COPY --from=manifests /manifests .
RUN cargo build --release --locked --package host --target "$(rustc -vV | sed -n 's/^host: //p')"
COPY . .
# The real files may be older than the empty ones, and cargo compares times.
RUN set -eu; find . -name '*.rs' -not -path './target/*' -exec touch {} +; \
    target="$(rustc -vV | sed -n 's/^host: //p')"; \
    cargo build --release --locked --package host --target "$target"; \
    mkdir -p /image/etc/ssl/certs; \
    cp "target/$target/release/surefire-host" /image/surefire-host; \
    cp -L /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt; \
    chmod 555 /image/surefire-host; chmod 444 /image/etc/ssl/certs/ca-certificates.crt

FROM scratch
ARG RELEASE=unknown
LABEL org.opencontainers.image.title="surefire" \
      org.opencontainers.image.description="An order API that never takes an order twice" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.revision="${RELEASE}"
COPY --from=build /image /
ENV RELEASE="${RELEASE}"
# A number: an empty root has no list of users, and Kubernetes' runAsNonRoot wants one.
USER 65532:65532
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
ENTRYPOINT ["/surefire-host"]
