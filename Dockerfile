# A static binary alone: no shell, no package manager, nobody's root.
FROM rust:1.95-alpine AS build
# AWS-LC and the allocator are C.
RUN apk add --no-cache gcc musl-dev
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY crates crates
# A member of the workspace, without which cargo does not read it; nothing of it is built.
COPY tests/Cargo.toml tests/Cargo.toml
COPY tests/src tests/src
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin nuncio && strip -o /usr/local/bin/nuncio target/release/nuncio

# Certificates of public authorities, for backends at https, and a user who is not root.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /usr/local/bin/nuncio /usr/bin/nuncio
USER 65532:65532
EXPOSE 8080 8443
# Of `run` with `admin: { address: 127.0.0.1:9901 }`.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["/usr/bin/nuncio", "health"]
ENTRYPOINT ["/usr/bin/nuncio"]
CMD ["run", "--config", "/etc/nuncio/config/nuncio.yaml"]
