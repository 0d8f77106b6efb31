pub mod disk;
pub mod kind;
pub mod name;
pub mod secret;
pub mod task;
pub mod template;
pub mod text;
pub mod ui;
