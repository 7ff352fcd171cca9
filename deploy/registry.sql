-- Read by the postgres container when its volume is made: where the schema registry of compose.yaml keeps its schemas.
CREATE DATABASE registry;
