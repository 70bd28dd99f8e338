//! Mail against a real SMTP server.
