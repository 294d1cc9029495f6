//! Answers SQL clients: PostgreSQL wire, Flight SQL and HTTP.
