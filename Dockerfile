# syntax=docker/dockerfile:1
FROM rust:1.94-slim-bookworm AS build
# SQLite and the allocator are C code, compiled with the rest.
RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
WORKDIR /usher
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/usher/target \
    cargo build --release --locked && cp target/release/usher /usr/local/bin/usher && mkdir /data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /usr/local/bin/usher /usr/local/bin/usher
COPY --from=build --chown=nonroot:nonroot /data /data
WORKDIR /data
VOLUME /data
ENV USHER_SERVER__BIND=0.0.0.0:8000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/usr/local/bin/usher", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/usher"]
