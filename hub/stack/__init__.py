"""The local stack: Kafka and PostgreSQL (and, for contract tests, a schema registry) as child processes of this one."""
