# Recipes for everyday work: https://just.systems. Each is one command that can also be typed.

# Starts the server.
run *arguments:
    cargo run -- {{arguments}}

# Starts a throw-away server with people, roles and letters to look at.
demo *arguments:
    cargo run -- demo {{arguments}}

# Drives the pages and the playground in a browser.
test-browser:
    .ci/browser

# Runs the tests on SQLite.
test *filter:
    cargo test --workspace {{filter}}

# Runs the integration tests on PostgreSQL.
test-postgres *filter:
    .ci/with-postgres cargo test --test it {{filter}}

# Runs the integration tests on MariaDB.
test-mariadb *filter:
    .ci/with-mariadb cargo test --test it {{filter}}

# Renews schema.graphql.
schema:
    cargo run --quiet -- schema > schema.graphql

# Everything that has to pass before a change lands.
ci:
    .ci/run
