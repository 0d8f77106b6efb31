//! TEMPORARY stub of helper B's room.
pub mod access_log;
pub mod health;
pub mod pins;
pub mod tool_cache;
