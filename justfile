# Recipes for everyday work: https://just.systems. Each is a single command that you can also type.

# Starts the server.
run *arguments:
    cargo run -- {{arguments}}

# Starts a throw-away server with sample users, roles and e-mails.
demo *arguments:
    cargo run -- demo {{arguments}}

# Tests the pages and the playground in a browser.
test-browser:
    .ci/browser

# Builds the console into console/dist.
console:
    console/build.sh

# Makes the pictures of docs/images anew.
pictures:
    .ci/browser pictures

# Runs the tests on SQLite.
test *filter:
    cargo test --workspace {{filter}}

# Runs the integration tests on PostgreSQL.
test-postgres *filter:
    .ci/with-postgres cargo test --test it {{filter}}

# Runs the integration tests on MariaDB.
test-mariadb *filter:
    .ci/with-mariadb cargo test --test it {{filter}}

# Runs integration tests behind PgBouncer.
test-pgbouncer *filter:
    .ci/with-pgbouncer cargo test --test it {{filter}}

# Lets PostgreSQL fail over under load.
test-failover:
    .ci/failover

# Feeds what reads input of strangers with random input.
fuzz *arguments:
    .ci/fuzz {{arguments}}

# Regenerates schema.graphql.
schema:
    cargo run --quiet -- schema > schema.graphql

# Runs everything that has to pass before a change is merged.
ci:
    .ci/run
